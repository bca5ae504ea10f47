(mixin_statement name: (identifier) @name) @definition.macro
(function_statement name: (identifier) @name) @definition.function
(keyframes_statement (keyframes_name) @name) @definition.function
(rule_set (selectors . (_) @name)) @definition.section
(stylesheet (declaration (property_name) @name (#match? @name "^[$]")) @definition.variable)

; references
[(import_statement) (use_statement) (forward_statement)] @import
(include_statement (identifier) @reference.call)
(call_expression (function_name) @reference.call)
[(class_name) (id_name) (property_name) (keyframes_name) (variable) (identifier)] @reference
