namespace Litespark.Graphs;

/// <summary>
/// A static tensor shape, row-major. Kernels see every tensor as a matrix of <see cref="Rows"/> × <see cref="Columns"/>:
/// the last dimension against all others; a vector is a column (n × 1).
/// </summary>
public readonly struct Shape : IEquatable<Shape>
{
    readonly int[] dimensions;

    /// <summary>A shape of one or more positive dimensions.</summary>
    public Shape(params int[] dimensions)
    {
        foreach (int size in dimensions) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        this.dimensions = dimensions;
    }

    /// <summary>Number of dimensions.</summary>
    public int Rank => dimensions.Length;

    /// <summary>Size along an axis.</summary>
    public int this[int axis] => dimensions[axis];

    /// <summary>Number of elements.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>Product of all dimensions but the last (a vector's length).</summary>
    public int Rows
    {
        get
        {
            int rows = dimensions[0];
            for (int axis = 1; axis < Rank - 1; axis++) rows = checked(rows * dimensions[axis]);
            return rows;
        }
    }

    /// <summary>The last dimension (1 for a vector).</summary>
    public int Columns => Rank == 1 ? 1 : dimensions[^1];

    /// <summary>The dimensions.</summary>
    public IReadOnlyList<int> Dimensions => dimensions;

    /// <summary>The same shape but for one axis.</summary>
    public Shape With(int axis, int size)
    {
        int[] changed = (int[])dimensions.Clone();
        changed[axis] = size;
        return new Shape(changed);
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => dimensions.AsSpan().SequenceEqual(other.dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => dimensions.Aggregate(17, HashCode.Combine);

    /// <summary>Equal dimensions.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Different dimensions.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => "[" + string.Join(", ", dimensions) + "]";
}
