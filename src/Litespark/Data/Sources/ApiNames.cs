using System.Text;

namespace Litespark.Data.Sources;

/// <summary>Writes documentation ids as a programmer would: short names, C# keywords, type parameters by name.</summary>
internal sealed class ApiNames
{
    static readonly Dictionary<string, string> Keywords = new(StringComparer.Ordinal)
    {
        ["System.Boolean"] = "bool", ["System.Byte"] = "byte", ["System.SByte"] = "sbyte", ["System.Char"] = "char",
        ["System.Int16"] = "short", ["System.UInt16"] = "ushort", ["System.Int32"] = "int", ["System.UInt32"] = "uint",
        ["System.Int64"] = "long", ["System.UInt64"] = "ulong", ["System.Single"] = "float", ["System.Double"] = "double",
        ["System.Decimal"] = "decimal", ["System.String"] = "string", ["System.Object"] = "object", ["System.Void"] = "void",
        ["System.IntPtr"] = "nint", ["System.UIntPtr"] = "nuint",
    };

    static readonly Dictionary<string, string> Operators = new(StringComparer.Ordinal)
    {
        ["Addition"] = "+", ["Subtraction"] = "-", ["Multiply"] = "*", ["Division"] = "/", ["Modulus"] = "%",
        ["Equality"] = "==", ["Inequality"] = "!=", ["LessThan"] = "<", ["GreaterThan"] = ">",
        ["LessThanOrEqual"] = "<=", ["GreaterThanOrEqual"] = ">=", ["BitwiseAnd"] = "&", ["BitwiseOr"] = "|",
        ["ExclusiveOr"] = "^", ["OnesComplement"] = "~", ["LogicalNot"] = "!", ["LeftShift"] = "<<", ["RightShift"] = ">>",
        ["UnsignedRightShift"] = ">>>", ["UnaryNegation"] = "-", ["UnaryPlus"] = "+", ["Increment"] = "++", ["Decrement"] = "--",
        ["True"] = "true", ["False"] = "false",
    };

    readonly Dictionary<string, string[]> typeParameters = new(StringComparer.Ordinal);

    /// <summary>Remembers a type (full name with arity) and what it calls its type parameters.</summary>
    public void Learn(string type, string[] parameters) => typeParameters[type] = parameters;

    /// <summary>The namespace of a type: what stands before its outermost type, as far as the types are known.</summary>
    public string Namespace(string type)
    {
        string outer = type;
        while (true)
        {
            int dot = outer.LastIndexOf('.');
            outer = dot < 0 ? "" : outer[..dot];
            if (!typeParameters.ContainsKey(outer) && !outer[(outer.LastIndexOf('.') + 1)..].Contains('`')) return outer;
        }
    }

    /// <summary>
    /// Name of a type: without its namespace, nested types behind a generic outer one. <paramref name="context"/> is the
    /// type whose type parameters <c>`0</c> stands for, <paramref name="methodParameters"/> those of <c>``0</c>.
    /// </summary>
    public string Type(string id, string? context = null, IReadOnlyList<string>? methodParameters = null)
    {
        string core = id.TrimEnd('*', '@', '^');
        string suffix = id[core.Length..].Replace("@", "").Replace("^", "");
        string prefix = id.EndsWith('@') ? "ref " : "";
        while (core.EndsWith(']'))
        {
            int open = core.LastIndexOf('[');
            if (open < 0) break;
            suffix = "[" + new string(',', core.AsSpan(open).Count(',')) + "]" + suffix;
            core = core[..open];
        }
        string inner = core.TrimEnd('*'); // An array of pointers.
        suffix = core[inner.Length..] + suffix;
        return prefix + Core(inner, context, methodParameters) + suffix;
    }

    /// <summary>The type and member that a <c>cref</c> names.</summary>
    public string Reference(string cref)
    {
        ApiMemberId id = ApiMemberId.Parse(cref);
        if (id.Kind is 'N' or '!') return id.Type;
        string type = Type(id.Type, id.Type);
        return id.Member.Length == 0 ? type
            : id.Member.StartsWith("#c", StringComparison.Ordinal) ? $"{type} constructor"
            : id.Member.StartsWith("op_", StringComparison.Ordinal) ? Operator(id, type, id.Type)
            : $"{type}.{MemberName(id.Member)}";
    }

    /// <summary>A member's heading: its name and, for methods and indexers, types and names of the parameters.</summary>
    public string Signature(ApiMemberId id, IReadOnlyList<string> parameterNames, IReadOnlyList<string> methodParameters)
    {
        string type = Type(id.Type, id.Type);
        List<string> parameters = [];
        for (int i = 0; i < id.Parameters.Count; i++)
        {
            string name = parameterNames.Count == id.Parameters.Count ? " " + parameterNames[i] : "";
            parameters.Add(Type(id.Parameters[i], id.Type, methodParameters) + name);
        }
        string list = string.Join(", ", parameters);
        if (id.Kind == 'P') return id.Parameters.Count == 0 ? $"{type}.{MemberName(id.Member)}" : $"{type}[{list}]";
        if (id.Kind != 'M') return $"{type}.{MemberName(id.Member)}";
        string generic = id.Arity == 0 ? ""
            : methodParameters.Count == id.Arity ? $"<{string.Join(", ", methodParameters)}>"
            : $"<{string.Join(", ", DefaultNames(id.Arity))}>";
        string callee = id.Member == "#ctor" ? $"new {type}"
            : id.Member == "#cctor" ? $"static {type}"
            : id.Member.StartsWith("op_", StringComparison.Ordinal) ? Operator(id, type, id.Type)
            : $"{type}.{MemberName(id.Member)}";
        return $"{callee}{generic}({list})";
    }

    /// <summary>A member's name; an explicit implementation gets its interface in front.</summary>
    string MemberName(string member)
    {
        int hash = member.LastIndexOf('#');
        if (hash <= 0) return member;
        string implemented = member[..hash].Replace('#', '.').Replace('@', ',');
        return $"{Type(implemented)}.{member[(hash + 1)..]}";
    }

    string Operator(ApiMemberId id, string type, string context)
    {
        string name = id.Member["op_".Length..];
        string isChecked = name.StartsWith("Checked", StringComparison.Ordinal) ? "checked " : "";
        if (isChecked.Length > 0) name = name["Checked".Length..];
        if (name is "Implicit" or "Explicit")
            return $"{type}.{(name == "Implicit" ? "implicit" : "explicit")} operator {isChecked}{(id.ReturnType is { } result ? Type(result, context) : "")}".TrimEnd();
        return $"{type}.operator {isChecked}{Operators.GetValueOrDefault(name, name)}";
    }

    string Core(string id, string? context, IReadOnlyList<string>? methodParameters)
    {
        if (Keywords.TryGetValue(id, out string? keyword)) return keyword;
        if (id.StartsWith("``", StringComparison.Ordinal))
            return int.TryParse(id.AsSpan(2), out int index) && methodParameters is not null && index < methodParameters.Count ? methodParameters[index] : "T";
        if (id.StartsWith('`'))
            return int.TryParse(id.AsSpan(1), out int index) && context is not null && TypeParameters(context) is { } names && index < names.Count ? names[index] : "T";

        List<string> kept = [];
        StringBuilder full = new();
        foreach (string segment in Segments(id))
        {
            // What stood before was a namespace, unless it is known as a type or shows that it is one.
            if (kept.Count > 0 && !kept[^1].EndsWith('>') && !typeParameters.ContainsKey(full.ToString())) kept.Clear();
            if (full.Length > 0) full.Append('.');
            full.Append(segment);
            int brace = segment.IndexOf('{');
            int tick = segment.IndexOf('`');
            if (brace > 0 && segment.EndsWith('}'))
            {
                List<string> arguments = [.. ApiMemberId.SplitArguments(segment[(brace + 1)..^1]).Select(a => Type(a, context, methodParameters))];
                if (full.ToString().StartsWith("System.Nullable{", StringComparison.Ordinal) && arguments.Count == 1) kept.Add(arguments[0] + "?");
                else kept.Add($"{segment[..brace]}<{string.Join(", ", arguments)}>");
            }
            else if (tick > 0)
            {
                _ = int.TryParse(segment.AsSpan(tick + 1), out int arity);
                string[] names = typeParameters.TryGetValue(full.ToString(), out string[]? known) && known.Length == arity ? known : DefaultNames(arity);
                kept.Add($"{segment[..tick]}<{string.Join(", ", names)}>");
            }
            else kept.Add(segment);
        }
        return string.Join('.', kept);
    }

    /// <summary>All type parameters in reach inside a type: those of the types around it first.</summary>
    List<string> TypeParameters(string type)
    {
        List<string> names = [];
        StringBuilder full = new();
        foreach (string segment in Segments(type))
        {
            if (full.Length > 0) full.Append('.');
            full.Append(segment);
            int tick = segment.IndexOf('`');
            if (tick < 0 || !int.TryParse(segment.AsSpan(tick + 1), out int arity)) continue;
            names.AddRange(typeParameters.TryGetValue(full.ToString(), out string[]? known) && known.Length == arity ? known : DefaultNames(arity));
        }
        return names;
    }

    static string[] DefaultNames(int arity) => arity == 1 ? ["T"] : [.. Enumerable.Range(1, Math.Clamp(arity, 0, 64)).Select(i => $"T{i}")];

    static List<string> Segments(string id)
    {
        List<string> segments = [];
        int depth = 0;
        int start = 0;
        for (int i = 0; i <= id.Length; i++)
        {
            if (i == id.Length || (id[i] == '.' && depth == 0))
            {
                segments.Add(id[start..i]);
                start = i + 1;
            }
            else if (id[i] is '{' or '(') depth++;
            else if (id[i] is '}' or ')') depth--;
        }
        return segments;
    }
}
