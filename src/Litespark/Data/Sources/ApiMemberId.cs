namespace Litespark.Data.Sources;

/// <summary>
/// The parts of a documentation id, as the C# compiler writes them into XML documentation:
/// <c>M:Namespace.Type`1.Member``1(Parameter,…)~Return</c>.
/// </summary>
/// <param name="Kind">T type, M method, P property, F field, E event, N namespace.</param>
/// <param name="Type">Full name of the type, or of the member's declaring type.</param>
/// <param name="Member">The member's name without its arity; empty for a type.</param>
/// <param name="Arity">Number of the method's own type parameters.</param>
/// <param name="Parameters">Types of the parameters, as ids.</param>
/// <param name="ReturnType">A conversion operator's result, as an id.</param>
internal sealed record ApiMemberId(char Kind, string Type, string Member, int Arity, IReadOnlyList<string> Parameters, string? ReturnType)
{
    /// <summary>Takes an id apart; unknown forms are kept as a type's name.</summary>
    public static ApiMemberId Parse(string id)
    {
        if (id.Length < 3 || id[1] != ':') return new ApiMemberId('T', id, "", 0, [], null);
        char kind = id[0];
        string body = id[2..];
        string? returnType = null;
        int tilde = body.LastIndexOf('~');
        if (tilde > 0)
        {
            returnType = body[(tilde + 1)..];
            body = body[..tilde];
        }
        IReadOnlyList<string> parameters = [];
        int open = body.IndexOf('(');
        if (open > 0 && body.EndsWith(')'))
        {
            parameters = SplitArguments(body[(open + 1)..^1]);
            body = body[..open];
        }
        int dot = LastDot(body);
        if (kind is 'T' or 'N' or '!' || dot < 0) return new ApiMemberId(kind, body, "", 0, [], null);

        string member = body[(dot + 1)..];
        int arity = 0;
        int ticks = member.IndexOf("``", StringComparison.Ordinal);
        if (ticks > 0)
        {
            _ = int.TryParse(member.AsSpan(ticks + 2), out arity);
            member = member[..ticks];
        }
        return new ApiMemberId(kind, body[..dot], member, arity, parameters, returnType);
    }

    /// <summary>Splits at the commas that are not inside brackets.</summary>
    public static List<string> SplitArguments(string list)
    {
        List<string> arguments = [];
        int depth = 0;
        int start = 0;
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] is '{' or '[' or '(') depth++;
            else if (list[i] is '}' or ']' or ')') depth--;
            else if (list[i] == ',' && depth == 0)
            {
                arguments.Add(list[start..i]);
                start = i + 1;
            }
        }
        if (start < list.Length) arguments.Add(list[start..]);
        return arguments;
    }

    static int LastDot(string name)
    {
        int depth = 0;
        for (int i = name.Length - 1; i >= 0; i--)
        {
            if (name[i] == '}') depth++;
            else if (name[i] == '{') depth--;
            else if (name[i] == '.' && depth == 0) return i;
        }
        return -1;
    }
}
