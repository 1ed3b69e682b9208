namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>A tensor of a graph. Dimensions and strides as cuDNN has them: [sequences, heads, rows, columns].</summary>
/// <param name="Descriptor">Its descriptor.</param>
/// <param name="Id">Its number, by which memory is given to it.</param>
/// <param name="Dimensions">Dimensions.</param>
/// <param name="Strides">Elements from one to the next, per dimension.</param>
internal sealed record CudnnTensor(CudnnDescriptor Descriptor, long Id, long[] Dimensions, long[] Strides);

/// <summary>
/// A graph of operations as cuDNN's backend wants it described. cuDNN recognises what a graph computes as a whole and has kernels
/// for some such patterns; it says so when a plan is made, not before.
/// </summary>
internal sealed class CudnnGraph(LibCudnn library) : IDisposable
{
    const long Alignment = 16;

    readonly List<CudnnDescriptor> descriptors = [], operations = [];

    /// <summary>Tensors in memory of the caller's, in the order in which they were made.</summary>
    public List<CudnnTensor> Operands { get; } = [];

    /// <summary>Numbers on the host, read when a plan runs.</summary>
    public List<(CudnnTensor Tensor, float Value)> Scalars { get; } = [];

    /// <summary>Tensors in scratch memory, in bytes.</summary>
    public List<(CudnnTensor Tensor, long Bytes)> Scratch { get; } = [];

    /// <summary>A tensor in memory.</summary>
    public CudnnTensor Operand(CudnnData type, long[] dimensions, long[] strides)
    {
        CudnnTensor tensor = Tensor(type, dimensions, strides);
        Operands.Add(tensor);
        return tensor;
    }

    /// <summary>A number.</summary>
    public CudnnTensor Scalar(float value)
    {
        CudnnTensor tensor = Tensor(CudnnData.Float32, [1, 1, 1, 1], [1, 1, 1, 1], isByValue: true);
        Scalars.Add((tensor, value));
        return tensor;
    }

    /// <summary>A float32 tensor in scratch memory: cuDNN wants it to exist, no one else reads it.</summary>
    public CudnnTensor ScratchTensor(params long[] dimensions)
    {
        CudnnTensor tensor = Tensor(CudnnData.Float32, dimensions, Packed(dimensions));
        Scratch.Add((tensor, dimensions.Aggregate((a, b) => a * b) * sizeof(float)));
        return tensor;
    }

    /// <summary>A tensor that lies nowhere: it leads from one operation to the next.</summary>
    public CudnnTensor Between(CudnnData type, long[] dimensions, long[]? strides = null) => Tensor(type, dimensions, strides ?? Packed(dimensions), isVirtual: true);

    /// <summary>y = mode(x, b), element by element.</summary>
    public CudnnTensor Pointwise(CudnnPointwise mode, CudnnTensor x, CudnnTensor? b, CudnnTensor y, CudnnData compute = CudnnData.Float32, CudnnTensor? selector = null, long? axis = null)
    {
        CudnnDescriptor how = New(CudnnKind.Pointwise).Set(CudnnAttribute.PointwiseMode, mode).Set(CudnnAttribute.PointwiseComputeType, compute);
        if (axis is { } along) how.Set(CudnnAttribute.PointwiseAxis, along);
        how.Complete();
        CudnnDescriptor operation = New(CudnnKind.OperationPointwise).Set(CudnnAttribute.OperationPointwiseDescriptor, how).Set(CudnnAttribute.OperationPointwiseX, x.Descriptor)
            .Set(CudnnAttribute.OperationPointwiseY, y.Descriptor).Set(CudnnAttribute.OperationPointwiseAlpha1, 1f).Set(CudnnAttribute.OperationPointwiseAlpha2, 1f);
        if (b is not null) operation.Set(CudnnAttribute.OperationPointwiseB, b.Descriptor);
        if (selector is not null) operation.Set(CudnnAttribute.OperationPointwiseT, selector.Descriptor);
        operations.Add(operation.Complete());
        return y;
    }

    /// <summary>c = a · b for each sequence and head; heads of b are repeated where a has more.</summary>
    public CudnnTensor Product(CudnnTensor a, CudnnTensor b, CudnnTensor c)
    {
        CudnnDescriptor how = New(CudnnKind.Matmul).Set(CudnnAttribute.MatmulComputeType, CudnnData.Float32).Complete();
        operations.Add(New(CudnnKind.OperationMatmul).Set(CudnnAttribute.OperationMatmulA, a.Descriptor).Set(CudnnAttribute.OperationMatmulB, b.Descriptor)
            .Set(CudnnAttribute.OperationMatmulC, c.Descriptor).Set(CudnnAttribute.OperationMatmulDescriptor, how).Complete());
        return c;
    }

    /// <summary>y = x summed up, or its largest, along the dimensions that y has fewer of.</summary>
    public CudnnTensor Reduce(CudnnReduce @operator, CudnnTensor x, CudnnTensor y)
    {
        CudnnDescriptor how = New(CudnnKind.Reduction).Set(CudnnAttribute.ReductionOperator, @operator).Set(CudnnAttribute.ReductionComputeType, CudnnData.Float32).Complete();
        operations.Add(New(CudnnKind.OperationReduction).Set(CudnnAttribute.OperationReductionX, x.Descriptor).Set(CudnnAttribute.OperationReductionY, y.Descriptor)
            .Set(CudnnAttribute.OperationReductionDescriptor, how).Complete());
        return y;
    }

    /// <summary>y = x seen with its rows as columns, in the type given.</summary>
    public CudnnTensor Transposed(CudnnTensor x, CudnnData type)
    {
        CudnnTensor y = Between(type, [x.Dimensions[0], x.Dimensions[1], x.Dimensions[3], x.Dimensions[2]], [x.Strides[0], x.Strides[1], x.Strides[3], x.Strides[2]]);
        operations.Add(New(CudnnKind.OperationReshape).Set(CudnnAttribute.OperationReshapeX, x.Descriptor).Set(CudnnAttribute.OperationReshapeY, y.Descriptor).Complete());
        return y;
    }

    /// <summary>The whole, completed.</summary>
    public CudnnDescriptor Complete(CudnnHandle handle)
        => New(CudnnKind.OperationGraph).Set(CudnnAttribute.GraphHandle, handle).Set(CudnnAttribute.GraphOperations, operations).Complete();

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = descriptors.Count; i > 0; i--) descriptors[i - 1].Dispose();
        descriptors.Clear();
    }

    /// <summary>Strides of a tensor without gaps.</summary>
    public static long[] Packed(long[] dimensions)
    {
        var strides = new long[dimensions.Length];
        long next = 1;
        for (int i = dimensions.Length; i > 0; i--)
        {
            strides[i - 1] = next;
            next *= dimensions[i - 1];
        }

        return strides;
    }

    CudnnTensor Tensor(CudnnData type, long[] dimensions, long[] strides, bool isVirtual = false, bool isByValue = false)
    {
        long id = descriptors.Count + 1;
        CudnnDescriptor descriptor = New(CudnnKind.Tensor).Set(CudnnAttribute.TensorDataType, type).Set(CudnnAttribute.TensorDimensions, dimensions)
            .Set(CudnnAttribute.TensorStrides, strides).Set(CudnnAttribute.TensorUniqueId, id).Set(CudnnAttribute.TensorByteAlignment, Alignment);
        if (isVirtual) descriptor.Set(CudnnAttribute.TensorIsVirtual, true);
        if (isByValue) descriptor.Set(CudnnAttribute.TensorIsByValue, true);
        return new CudnnTensor(descriptor.Complete(), id, dimensions, strides);
    }

    CudnnDescriptor New(CudnnKind kind)
    {
        var descriptor = new CudnnDescriptor(library, kind);
        descriptors.Add(descriptor);
        return descriptor;
    }
}
