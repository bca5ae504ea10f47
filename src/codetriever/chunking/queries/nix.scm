(binding attrpath: (attrpath) @name expression: (function_expression)) @definition.function

; references
(apply_expression function: (variable_expression name: (identifier) @reference.call))
(apply_expression function: (select_expression attrpath: (attrpath (identifier) @reference.call .)))
(identifier) @reference
