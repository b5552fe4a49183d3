//! Structured fields (RFC 9651), as the parser reads them that the RateLimit fields go through.

use serde_json::{Value, json};
use sfv::{BareItem, Dictionary, InnerList, Item, List, ListEntry, Parameters, Parser};

use super::{Vector, texts, vectors};

fn bare(item: &BareItem) -> Value {
    match item {
        BareItem::Integer(number) => json!({ "int": i64::from(*number) }),
        BareItem::Decimal(number) => json!({ "dec": number.to_string() }),
        BareItem::String(text) => json!({ "str": text.as_str() }),
        BareItem::Token(token) => json!({ "tok": token.as_str() }),
        BareItem::ByteSequence(bytes) => {
            json!({ "bytes_hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
        }
        BareItem::Boolean(is) => json!({ "bool": is }),
        BareItem::Date(date) => json!({ "date": i64::from(date.unix_seconds()) }),
        BareItem::DisplayString(text) => json!({ "disp": text }),
    }
}

fn params(params: &Parameters) -> Value {
    params.iter().map(|(key, value)| json!([key.as_str(), bare(value)])).collect()
}

fn item(item: &Item) -> Value {
    json!({ "item": bare(&item.bare_item), "params": params(&item.params) })
}

fn entry(entry: &ListEntry) -> Value {
    match entry {
        ListEntry::Item(it) => item(it),
        ListEntry::InnerList(InnerList { items, params: of_list }) => {
            json!({ "inner": items.iter().map(item).collect::<Vec<_>>(), "params": params(of_list) })
        }
    }
}

fn structured_field(vector: &Vector) {
    let raw = texts(&vector.input["raw"]).join(", ");
    let parser = Parser::new(&raw);
    let read = match vector.input["type"].as_str().unwrap() {
        "item" => parser.parse::<Item>().ok().map(|it| item(&it)),
        "list" => parser.parse::<List>().ok().map(|list| list.iter().map(entry).collect()),
        _ => parser
            .parse::<Dictionary>()
            .ok()
            .map(|dictionary| dictionary.iter().map(|(key, value)| json!([key.as_str(), entry(value)])).collect()),
    };
    let may_fail = vector.expect["error"] == true || vector.expect["may_fail"] == true;
    match read {
        None => assert!(may_fail),
        Some(read) => assert_eq!(Some(&read), vector.expect.get("value")),
    }
}

vectors!(structured_field:
    item_empty_item = "structured-field/item-empty-item";
    item_trailing_space = "structured-field/item-trailing-space";
    item_leading_and_trailing_whitespace = "structured-field/item-leading-and-trailing-whitespace";
    list_basic_list = "structured-field/list-basic-list";
    list_leading_sp_list = "structured-field/list-leading-sp-list";
    list_no_whitespace_list = "structured-field/list-no-whitespace-list";
    list_tab_separated_list = "structured-field/list-tab-separated-list";
    list_trailing_comma_list = "structured-field/list-trailing-comma-list";
    list_empty_item_list_multiple_field_lines = "structured-field/list-empty-item-list-multiple-field-lines";
    dictionary_basic_dictionary = "structured-field/dictionary-basic-dictionary";
    dictionary_list_item_dictionary = "structured-field/dictionary-list-item-dictionary";
    dictionary_empty_list_item_dictionary = "structured-field/dictionary-empty-list-item-dictionary";
    dictionary_extra_whitespace_dictionary = "structured-field/dictionary-extra-whitespace-dictionary";
    dictionary_leading_whitespace_dictionary = "structured-field/dictionary-leading-whitespace-dictionary";
    dictionary_whitespace_after_dictionary = "structured-field/dictionary-whitespace-after-dictionary";
    dictionary_missing_value_dictionary = "structured-field/dictionary-missing-value-dictionary";
    dictionary_start_missing_value_dictionary = "structured-field/dictionary-start-missing-value-dictionary";
    dictionary_missing_value_with_params_dictionary = "structured-field/dictionary-missing-value-with-params-dictionary";
    dictionary_trailing_comma_dictionary = "structured-field/dictionary-trailing-comma-dictionary";
    dictionary_duplicate_key_dictionary = "structured-field/dictionary-duplicate-key-dictionary";
    dictionary_numeric_key_dictionary = "structured-field/dictionary-numeric-key-dictionary";
    dictionary_bad_key_dictionary = "structured-field/dictionary-bad-key-dictionary";
    param_list_basic_parameterised_list = "structured-field/param-list-basic-parameterised-list";
    param_list_missing_terminal_parameter_value_parameterised_list = "structured-field/param-list-missing-terminal-parameter-value-parameterised-list";
    param_list_whitespace_before_parameterised_list = "structured-field/param-list-whitespace-before-parameterised-list";
    structured_field_param_list_whitespace_before_parameterised_list = "structured-field/param-list-whitespace-before-parameterised-list_";
    param_list_extra_whitespace_parameterised_list = "structured-field/param-list-extra-whitespace-parameterised-list";
    param_list_trailing_comma_parameterised_list = "structured-field/param-list-trailing-comma-parameterised-list";
    param_list_duplicate_parameter_with_different_positions = "structured-field/param-list-duplicate-parameter-with-different-positions";
    param_list_trailing_semicolon_in_parameters = "structured-field/param-list-trailing-semicolon-in-parameters";
    param_list_empty_parameter_key = "structured-field/param-list-empty-parameter-key";
    param_list_parameter_prefix_and_space_only = "structured-field/param-list-parameter-prefix-and-space-only";
    param_dict_basic_parameterised_dict = "structured-field/param-dict-basic-parameterised-dict";
    param_dict_missing_parameter_value_parameterised_dict = "structured-field/param-dict-missing-parameter-value-parameterised-dict";
    param_dict_no_whitespace_parameterised_dict = "structured-field/param-dict-no-whitespace-parameterised-dict";
    param_dict_whitespace_after_parameterised_dict = "structured-field/param-dict-whitespace-after-parameterised-dict";
    structured_field_param_dict_whitespace_after_parameterised_dict = "structured-field/param-dict-whitespace-after-parameterised-dict_";
    param_dict_two_lines_parameterised_list = "structured-field/param-dict-two-lines-parameterised-list";
    param_dict_empty_item_parameterised_list = "structured-field/param-dict-empty-item-parameterised-list";
    listlist_basic_list_of_lists = "structured-field/listlist-basic-list-of-lists";
    listlist_empty_middle_item_list_of_lists = "structured-field/listlist-empty-middle-item-list-of-lists";
    listlist_wrong_whitespace_list_of_lists = "structured-field/listlist-wrong-whitespace-list-of-lists";
    listlist_no_trailing_parenthesis_middle_list_of_lists = "structured-field/listlist-no-trailing-parenthesis-middle-list-of-lists";
    listlist_no_closing_parenthesis = "structured-field/listlist-no-closing-parenthesis";
    listlist_dictionary_in_inner_list = "structured-field/listlist-dictionary-in-inner-list";
    param_listlist_parameterised_inner_list = "structured-field/param-listlist-parameterised-inner-list";
    number_basic_integer = "structured-field/number-basic-integer";
    number_negative_zero = "structured-field/number-negative-zero";
    number_negative_integer = "structured-field/number-negative-integer";
    number_leading_0_negative_integer = "structured-field/number-leading-0-negative-integer";
    number_comma = "structured-field/number-comma";
    number_sign_out_of_place = "structured-field/number-sign-out-of-place";
    number_long_integer = "structured-field/number-long-integer";
    number_long_negative_integer = "structured-field/number-long-negative-integer";
    number_too_long_integer_followed_by_comma = "structured-field/number-too-long-integer-followed-by-comma";
    number_simple_decimal = "structured-field/number-simple-decimal";
    number_decimal_whitespace_after_decimal = "structured-field/number-decimal-whitespace-after-decimal";
    number_negative_decimal_whitespace_after_sign = "structured-field/number-negative-decimal-whitespace-after-sign";
    number_tricky_precision_decimal = "structured-field/number-tricky-precision-decimal";
    number_adjacent_double_decimal_decimal = "structured-field/number-adjacent-double-decimal-decimal";
    number_negative_decimal_with_three_fractional_digits = "structured-field/number-negative-decimal-with-three-fractional-digits";
    number_decimal_with_four_fractional_digits = "structured-field/number-decimal-with-four-fractional-digits";
    number_decimal_with_thirteen_integer_digits = "structured-field/number-decimal-with-thirteen-integer-digits";
    number_decimal_with_1_significant_digit_and_1_insignificant_digit = "structured-field/number-decimal-with-1-significant-digit-and-1-insignificant-digit";
    number_decimal_with_2_significant_digits_and_1_insignificant_digit = "structured-field/number-decimal-with-2-significant-digits-and-1-insignificant-digit";
    string_basic_string = "structured-field/string-basic-string";
    string_whitespace_string = "structured-field/string-whitespace-string";
    string_tab_in_string = "structured-field/string-tab-in-string";
    string_single_quoted_string = "structured-field/string-single-quoted-string";
    string_string_quoting = "structured-field/string-string-quoting";
    string_ending_string_quote = "structured-field/string-ending-string-quote";
    string_two_lines_string = "structured-field/string-two-lines-string";
    token_basic_token_item = "structured-field/token-basic-token-item";
    token_basic_token_list = "structured-field/token-basic-token-list";
    token_token_starting_with_capitals_list = "structured-field/token-token-starting-with-capitals-list";
    binary_basic_binary = "structured-field/binary-basic-binary";
    binary_padding_in_middle = "structured-field/binary-padding-in-middle";
    binary_bad_padding_dot = "structured-field/binary-bad-padding-dot";
    binary_extra_whitespace = "structured-field/binary-extra-whitespace";
    binary_extra_chars = "structured-field/binary-extra-chars";
    binary_non_zero_pad_bits = "structured-field/binary-non-zero-pad-bits";
    binary_base64url_binary = "structured-field/binary-base64url-binary";
    boolean_basic_true_boolean = "structured-field/boolean-basic-true-boolean";
    boolean_unknown_boolean = "structured-field/boolean-unknown-boolean";
    boolean_negative_zero_boolean = "structured-field/boolean-negative-zero-boolean";
    boolean_f_boolean = "structured-field/boolean-f-boolean";
    structured_field_boolean_f_boolean = "structured-field/boolean-f-boolean_";
    boolean_spelled_out_false_boolean = "structured-field/boolean-spelled-out-false-boolean";
    date_date_1970_01_01_00_00_00 = "structured-field/date-date-1970-01-01-00-00-00";
    date_date_1917_05_30_22_02_47 = "structured-field/date-date-1917-05-30-22-02-47";
    date_date_2_32 = "structured-field/date-date-2-32";
    date_interoperability_min_date_0001_01_01_00_00_00 = "structured-field/date-interoperability-min-date-0001-01-01-00-00-00";
    date_syntactic_max_date_999_999_999_999_999 = "structured-field/date-syntactic-max-date-999-999-999-999-999";
    date_too_large_syntactic_date_1_000_000_000_000_000 = "structured-field/date-too-large-syntactic-date-1-000-000-000-000-000";
    date_date_with_negative_zero = "structured-field/date-date-with-negative-zero";
    date_date_sign_only = "structured-field/date-date-sign-only";
    date_date_non_digit = "structured-field/date-date-non-digit";
    examples_foo_example = "structured-field/examples-foo-example";
    examples_example_hdr_list_on_two_lines = "structured-field/examples-example-hdr-list-on-two-lines";
    examples_example_listlistparam = "structured-field/examples-example-listlistparam";
    examples_example_intheader = "structured-field/examples-example-intheader";
    examples_example_dictheader_boolean_values = "structured-field/examples-example-dictheader-boolean-values";
    examples_example_mixdict = "structured-field/examples-example-mixdict";
    examples_example_hdr_dictionary_on_two_lines = "structured-field/examples-example-hdr-dictionary-on-two-lines";
    examples_example_intitemheader_params = "structured-field/examples-example-intitemheader-params";
    examples_example_floatheader = "structured-field/examples-example-floatheader";
    examples_example_binaryhdr = "structured-field/examples-example-binaryhdr";
    display_string_basic_display_string_ascii_content = "structured-field/display-string-basic-display-string-ascii-content";
    display_string_non_ascii_display_string_unescaped = "structured-field/display-string-non-ascii-display-string-unescaped";
    display_string_unquoted_display_string = "structured-field/display-string-unquoted-display-string";
    display_string_bad_display_string_escaping = "structured-field/display-string-bad-display-string-escaping";
    key_generated_0x00_as_a_single_character_dictionary_key = "structured-field/key-generated-0x00-as-a-single-character-dictionary-key";
    key_generated_0x50_as_a_single_character_dictionary_key = "structured-field/key-generated-0x50-as-a-single-character-dictionary-key";
    key_generated_0x20_in_dictionary_key = "structured-field/key-generated-0x20-in-dictionary-key";
    key_generated_0x70_in_dictionary_key = "structured-field/key-generated-0x70-in-dictionary-key";
    key_generated_0x40_starting_a_dictionary_key = "structured-field/key-generated-0x40-starting-a-dictionary-key";
    key_generated_0x10_in_parameterised_list_key = "structured-field/key-generated-0x10-in-parameterised-list-key";
    key_generated_0x60_in_parameterised_list_key = "structured-field/key-generated-0x60-in-parameterised-list-key";
    key_generated_0x30_starting_a_parameterised_list_key = "structured-field/key-generated-0x30-starting-a-parameterised-list-key";
    number_generated_1_digits_of_zero = "structured-field/number-generated-1-digits-of-zero";
    number_generated_11_digit_large_integer = "structured-field/number-generated-11-digit-large-integer";
    number_generated_4_digit_2_fractional_large_decimal = "structured-field/number-generated-4-digit-2-fractional-large-decimal";
    number_generated_6_digit_1_fractional_large_decimal = "structured-field/number-generated-6-digit-1-fractional-large-decimal";
    number_generated_10_digit_3_fractional_large_decimal = "structured-field/number-generated-10-digit-3-fractional-large-decimal";
    number_generated_12_digit_2_fractional_large_decimal = "structured-field/number-generated-12-digit-2-fractional-large-decimal";
    string_generated_0x00_in_string = "structured-field/string-generated-0x00-in-string";
    string_generated_0x32_in_string = "structured-field/string-generated-0x32-in-string";
    string_generated_0x64_in_string = "structured-field/string-generated-0x64-in-string";
    string_generated_escaped_0x16_in_string = "structured-field/string-generated-escaped-0x16-in-string";
    string_generated_escaped_0x48_in_string = "structured-field/string-generated-escaped-0x48-in-string";
    token_generated_0x00_in_token = "structured-field/token-generated-0x00-in-token";
    token_generated_0x32_in_token = "structured-field/token-generated-0x32-in-token";
    token_generated_0x64_in_token = "structured-field/token-generated-0x64-in-token";
    token_generated_0x16_starting_a_token = "structured-field/token-generated-0x16-starting-a-token";
    token_generated_0x48_starting_a_token = "structured-field/token-generated-0x48-starting-a-token";
);
