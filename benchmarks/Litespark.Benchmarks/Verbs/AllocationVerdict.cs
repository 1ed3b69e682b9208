namespace Litespark.Benchmarks.Verbs;

/// <summary>What a benchmark allocated.</summary>
/// <param name="Name">Class and method.</param>
/// <param name="Bytes">Managed bytes of some operations together; null where the benchmark did not run.</param>
/// <param name="IsControl">It allocates on purpose.</param>
internal readonly record struct Allocation(string Name, long? Bytes, bool IsControl);

/// <summary>Whether nothing allocates, and whether that can be believed.</summary>
internal static class AllocationVerdict
{
    /// <summary>What is wrong, one line for each benchmark; empty where all is right.</summary>
    public static IReadOnlyList<string> Judge(IReadOnlyList<Allocation> allocations)
    {
        var wrong = new List<string>();
        if (allocations.All(item => item.IsControl)) wrong.Add("no benchmark was run");
        if (!allocations.Any(item => item.IsControl)) wrong.Add("the control was not run: nothing shows that an allocation would be seen");
        foreach (Allocation item in allocations)
        {
            if (item.Bytes is not { } bytes) wrong.Add($"{item.Name}: did not run");
            else if (item.IsControl && bytes <= 0) wrong.Add($"{item.Name}: its allocation was not seen, so no figure here means anything");
            else if (!item.IsControl && bytes != 0) wrong.Add($"{item.Name}: allocates {bytes} bytes; 0 are right");
        }

        return wrong;
    }
}
