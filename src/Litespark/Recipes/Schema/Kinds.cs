namespace Litespark.Recipes.Schema;

/// <summary>The kinds of values, by short names for the sections' tables.</summary>
internal static class Kinds
{
    public static ValueKind<bool> Boolean { get; } = new BooleanKind();
    public static ValueKind<string> Text { get; } = new TextKind();
    public static ValueKind<string?> OptionalText { get; } = new OptionalTextKind();

    public static ValueKind<int> Integer(int minimum, int maximum = int.MaxValue) => new IntegerKind<int>(minimum, maximum);
    public static ValueKind<long> Long(long minimum) => new IntegerKind<long>(minimum, long.MaxValue);

    /// <summary>A real number from <paramref name="minimum"/> to <paramref name="maximum"/>, both included.</summary>
    public static ValueKind<double> Number(double minimum, double maximum = double.PositiveInfinity) => new NumberKind(minimum, maximum, false);

    /// <summary>A real number above zero.</summary>
    public static ValueKind<double> Positive(double maximum = double.PositiveInfinity) => new NumberKind(0, maximum, true);
    public static ValueKind<T?> Optional<T>(ValueKind<T> kind) where T : struct => new OptionalKind<T>(kind);
    public static ValueKind<IReadOnlyList<T>> ListOf<T>(ValueKind<T> item, int minimumCount = 0) => new ListKind<T>(item, minimumCount);
    public static ValueKind<T> Choice<T>(params (string Name, T Value)[] choices) where T : struct, Enum => new ChoiceKind<T>(choices);
}

/// <summary>Builds the definitions of one section; imported with <c>using static</c>, so that only the key's own facts remain.</summary>
internal static class DefinitionsOf<TOwner>
{
    public static Definition<TOwner> Key<T>(string name, ValueKind<T> kind, Func<TOwner, T> get, Func<TOwner, T, TOwner> set, string doc) =>
        new Key<TOwner, T>(name, kind, get, set, doc);

    public static Definition<TOwner> Section<T>(string name, Func<TOwner, T> get, Func<TOwner, T, TOwner> set, Definition<T>[] members, string doc) =>
        new Section<TOwner, T>(name, get, set, members, doc);
}
