namespace Litespark.Recipes;

/// <summary>How blocks of weights live and die.</summary>
public enum SparsityMethod
{
    /// <summary>All weights live.</summary>
    None,

    /// <summary>A random mask that never changes.</summary>
    Static,

    /// <summary>Sparse from the start; growth at random (Mocanu et al. 2018).</summary>
    Set,

    /// <summary>Sparse from the start; growth by gradients (Evci et al. 2020).</summary>
    Rigl,

    /// <summary>Dense, ultra-sparse, dense again; mixed growth (Hu et al. 2024).</summary>
    Mst,
}

/// <summary>How live weights are shared among the layers.</summary>
public enum SparsityAllocation
{
    /// <summary>Density in proportion to (inputs + outputs) / (inputs · outputs): large matrices are sparser.</summary>
    ErdosRenyi,

    /// <summary>The same density everywhere.</summary>
    Uniform,
}

/// <summary>How sparsity gets to its target and back.</summary>
public enum SparsityRamp
{
    /// <summary>A straight line.</summary>
    Linear,

    /// <summary>Fast first, then ever slower (Zhu &amp; Gupta 2017).</summary>
    Cubic,

    /// <summary>At once.</summary>
    Step,
}

/// <summary>Which dead blocks come alive.</summary>
public enum BlockGrowth
{
    /// <summary>A share by gradients, the rest at random.</summary>
    Mixed,

    /// <summary>Those with the largest gradients.</summary>
    Gradient,

    /// <summary>Any, with the same chance.</summary>
    Random,
}

/// <summary>What the second moment of a block that comes alive begins at.</summary>
public enum GrownMoment
{
    /// <summary>The mean of the live blocks of its block row.</summary>
    RowMean,

    /// <summary>Zero.</summary>
    Zero,
}

/// <summary>What ends a phase.</summary>
public enum PhaseChange
{
    /// <summary>Its step.</summary>
    Steps,

    /// <summary>What is observed of the loss and the masks; its step at the latest.</summary>
    Automatic,
}
