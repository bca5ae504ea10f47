; Classes and functions; a decorated one is found twice, and the larger span wins.

(decorated_definition definition: (class_definition name: (identifier) @name)) @definition.class
(class_definition name: (identifier) @name) @definition.class

(decorated_definition definition: (function_definition name: (identifier) @name)) @definition.function
(function_definition name: (identifier) @name) @definition.function

(type_alias_statement left: (type (identifier) @name)) @definition.type
(type_alias_statement left: (type (generic_type (identifier) @name))) @definition.type

; Names bound at the top of a module or class.

(module (expression_statement (assignment left: (identifier) @name right: (lambda))) @definition.function)
(module (expression_statement (assignment left: (identifier) @name)) @definition.constant
  (#match? @name "^[A-Z0-9_]+$"))
(module (expression_statement (assignment left: (identifier) @name)) @definition.variable)
(module (expression_statement (assignment right: (assignment left: (identifier) @name))) @definition.variable)
(module (expression_statement (assignment left: (pattern_list (identifier) @name))) @definition.variable)
(class_definition body: (block (expression_statement (assignment left: (identifier) @name)) @definition.field))

; references

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

(call function: (identifier) @reference.call)
(call function: (attribute attribute: (identifier) @reference.call))
(decorator (identifier) @reference.call)
(identifier) @reference
