; Inside of a pattern `_` stands for a kind that its fields or parts tell anyway: that takes a third of the time off compiling.

(header module: (module) @name) @definition.module
(data_type name: (_) @name) @definition.struct
(newtype name: (_) @name) @definition.struct
(type_synonym name: (_) @name) @definition.type
(type_family name: (_) @name) @definition.type
(data_family name: (_) @name) @definition.type
(class name: (_) @name) @definition.class
(instance name: (_) @name patterns: (type_patterns . [
    (name) @scope
    (parens (apply constructor: [(name) @scope (apply constructor: (name) @scope)]))
  ])) @definition.impl
(instance name: (_) @name) @definition.impl

(data_constructor (prefix name: (constructor) @name)) @definition.constant
(data_constructor (record name: (constructor) @name)) @definition.constant
(data_constructor (_ operator: (constructor_operator) @name)) @definition.constant
(gadt_constructor name: (constructor) @name) @definition.constant
(gadt_constructor names: (binding_list (constructor) @name)) @definition.constant
(field name: (field_name (variable) @name)) @definition.field
(pattern_synonym (_ synonym: (constructor) @name)) @definition.constant
(foreign_import signature: (signature name: (_) @name)) @definition.function

; A signature and the equations below it are one definition: they have the same name.
(declarations [
  (signature name: (variable) @name)
  (signature name: (_ (operator) @name))
  (function name: (variable) @name)
  (function name: (_ (operator) @name))
  (function (_ operator: [(operator) @name (infix_id (variable) @name)]))
  (function (function_head_parens (_ operator: [(operator) @name (infix_id (variable) @name)])))
  (bind name: (variable) @name)
  (bind name: (_ (operator) @name))
] @definition.function)
(class_declarations [
  (signature name: (variable) @name)
  (signature name: (_ (operator) @name))
  (signature names: (binding_list (variable) @name))
  (function name: (variable) @name)
  (bind name: (variable) @name)
] @definition.function)
(instance_declarations [
  (signature name: (variable) @name)
  (function name: (variable) @name)
  (function name: (_ (operator) @name))
  (function (_ operator: [(operator) @name (infix_id (variable) @name)]))
  (bind name: (variable) @name)
  (bind name: (_ (operator) @name))
] @definition.function)

; references
(import) @import
(apply function: (variable) @reference.call)
(apply function: (qualified id: (variable) @reference.call))
[(variable) (name) (constructor) (operator) (constructor_operator)] @reference
