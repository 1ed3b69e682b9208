using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>A canonical parameter's place: rows of a stored parameter.</summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Shape">Canonical shape.</param>
/// <param name="Stored">The parameter that holds it.</param>
/// <param name="FirstElement">Where it begins in there.</param>
/// <param name="Initializer">How it starts.</param>
public sealed record CanonicalParameter(string Name, Shape Shape, StoredParameter Stored, long FirstElement, Initializer Initializer);

/// <summary>A parameter as it lies in memory: one canonical parameter, or several packed along the rows.</summary>
public sealed class StoredParameter
{
    internal StoredParameter(Value value, PersistentTensor weight)
    {
        Name = value.Name;
        Weight = weight;
        IsTrainable = value.IsTrainable;
        long start = 0;
        var members = new List<CanonicalParameter>();
        foreach (Value member in value.Members.Count == 0 ? [value] : value.Members)
        {
            members.Add(new CanonicalParameter(member.Name, member.Shape, this, start, member.Initializer));
            start += member.Shape.Length;
        }

        Members = members;
    }

    /// <summary>Name in graphs.</summary>
    public string Name { get; }

    /// <summary>The canonical parameters in it, in order.</summary>
    public IReadOnlyList<CanonicalParameter> Members { get; }

    /// <summary>Gets a gradient and is updated.</summary>
    public bool IsTrainable { get; }

    /// <summary>The weights that the kernels read.</summary>
    public PersistentTensor Weight { get; }

    /// <summary>The float32 weights that the optimiser updates, of which <see cref="Weight"/> is a rounded copy; null where that is float32 itself, or does not train.</summary>
    public PersistentTensor? Master { get; internal set; }

    /// <summary>The gradient, in a training program.</summary>
    public PersistentTensor? Gradient { get; internal set; }

    /// <summary>First moment (AdamW) or momentum (Muon).</summary>
    public PersistentTensor? FirstMoment { get; internal set; }

    /// <summary>Second moment (AdamW).</summary>
    public PersistentTensor? SecondMoment { get; internal set; }

    /// <summary>How a block-sparse parameter is cut; null for a dense one.</summary>
    public BlockGrid? Grid { get; internal set; }

    /// <summary>Which of a block-sparse parameter's blocks are live (<see cref="BlockTopology"/>).</summary>
    public PersistentTensor? Topology { get; internal set; }

    /// <summary>Mean |weight| and mean |gradient| of a block-sparse parameter's blocks, in a training program.</summary>
    public (PersistentTensor Weights, PersistentTensor Gradients)? BlockNorms { get; internal set; }

    /// <summary>Updated by Muon rather than AdamW.</summary>
    public bool UsesMuon { get; internal set; }

    /// <summary>Matrices decay, vectors don't, as the field does.</summary>
    public bool Decays => Members[0].Shape.Rank >= 2;
}

/// <summary>All parameters of a program: where each canonical tensor lies.</summary>
public sealed class ParameterTable
{
    internal ParameterTable(IReadOnlyList<StoredParameter> stored)
    {
        Stored = stored;
        Canonical = [.. stored.SelectMany(parameter => parameter.Members)];
    }

    /// <summary>Parameters as they lie in memory.</summary>
    public IReadOnlyList<StoredParameter> Stored { get; }

    /// <summary>Canonical parameters.</summary>
    public IReadOnlyList<CanonicalParameter> Canonical { get; }

    /// <summary>Number of weights.</summary>
    public long Count => Canonical.Sum(parameter => parameter.Shape.Length);
}
