(contract_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(library_declaration name: (identifier) @name) @definition.class
(struct_declaration name: (identifier) @name) @definition.struct
(enum_declaration name: (identifier) @name) @definition.enum
(enum_value) @name @definition.constant
(error_declaration name: (identifier) @name) @definition.type
(event_definition name: (identifier) @name) @definition.type
(user_defined_type_definition name: (identifier) @name) @definition.type
(modifier_definition name: (identifier) @name) @definition.method
(constructor_definition "constructor" @name) @definition.method
(function_definition name: (identifier) @name) @definition.function
(constant_variable_declaration name: (identifier) @name) @definition.constant
(state_variable_declaration name: (identifier) @name) @definition.field
(struct_member name: (identifier) @name) @definition.field

; references
(import_directive) @import
(call_expression function: (expression (identifier) @reference.call))
(call_expression function: (expression (member_expression property: (identifier) @reference.call)))
(identifier) @reference
