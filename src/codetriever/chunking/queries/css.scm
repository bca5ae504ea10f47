(rule_set (selectors . (_) @name)) @definition.section
(keyframes_statement (keyframes_name) @name) @definition.function

; references
(import_statement) @import
[(class_name) (id_name) (property_name) (keyframes_name)] @reference
