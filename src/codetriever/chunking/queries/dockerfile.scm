(from_instruction as: (image_alias) @name) @definition.section
(arg_instruction name: (_) @name) @definition.variable
(env_instruction (env_pair name: (_) @name)) @definition.variable

; references
[(variable) (image_name) (image_alias)] @reference
