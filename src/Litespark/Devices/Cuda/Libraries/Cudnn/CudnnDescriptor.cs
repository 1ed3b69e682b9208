using System.Runtime.InteropServices;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>One of the backend's descriptors: attributes are set, then it is completed, and from then on others may refer to it.</summary>
internal sealed unsafe class CudnnDescriptor : SafeHandle
{
    readonly LibCudnn library;
    readonly CudnnKind kind;

    public CudnnDescriptor(LibCudnn library, CudnnKind kind) : base(0, ownsHandle: true)
    {
        (this.library, this.kind) = (library, kind);
        nint created;
        library.Check(library.CreateDescriptor((int)kind, &created), $"cudnnBackendCreateDescriptor({kind})");
        SetHandle(created);
    }

    /// <summary>cuDNN's own handle; valid until disposed.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    public CudnnDescriptor Set(CudnnAttribute name, params ReadOnlySpan<long> values) => Set(name, CudnnAttributeType.Int64, values);

    public CudnnDescriptor Set(CudnnAttribute name, float value) => Set(name, CudnnAttributeType.Float, new ReadOnlySpan<float>(in value));

    public CudnnDescriptor Set(CudnnAttribute name, bool value) => Set(name, CudnnAttributeType.Boolean, new ReadOnlySpan<bool>(in value)); // one byte, as C++'s

    public CudnnDescriptor Set(CudnnAttribute name, CudnnData value) => Set(name, CudnnAttributeType.DataType, new ReadOnlySpan<CudnnData>(in value));

    public CudnnDescriptor Set(CudnnAttribute name, CudnnPointwise value) => Set(name, CudnnAttributeType.PointwiseMode, new ReadOnlySpan<CudnnPointwise>(in value));

    public CudnnDescriptor Set(CudnnAttribute name, CudnnReduce value) => Set(name, CudnnAttributeType.ReductionOperator, new ReadOnlySpan<CudnnReduce>(in value));

    public CudnnDescriptor Set(CudnnAttribute name, CudnnHeuristics value) => Set(name, CudnnAttributeType.HeuristicsMode, new ReadOnlySpan<CudnnHeuristics>(in value));

    public CudnnDescriptor Set(CudnnAttribute name, CudnnHandle value) => Set(name, CudnnAttributeType.Handle, [value.Value]);

    public CudnnDescriptor Set(CudnnAttribute name, params IReadOnlyList<CudnnDescriptor> values)
        => Set(name, CudnnAttributeType.Descriptor, new ReadOnlySpan<nint>([.. values.Select(value => value.Value)]));

    public CudnnDescriptor SetPointers(CudnnAttribute name, params ReadOnlySpan<nint> values) => Set(name, CudnnAttributeType.VoidPointer, values);

    /// <summary>Completes it: cuDNN checks what was set.</summary>
    public CudnnDescriptor Complete()
    {
        library.Check(library.Complete(handle), $"cudnnBackendFinalize({kind})");
        return this;
    }

    /// <summary>One integer.</summary>
    public long Integer(CudnnAttribute name)
    {
        long value, count;
        Get(name, CudnnAttributeType.Int64, 1, &count, &value);
        return value;
    }

    /// <summary>Several numbers of an enumeration, <paramref name="most"/> at most.</summary>
    public int[] Numbers(CudnnAttribute name, CudnnAttributeType type, int most)
    {
        var values = new int[most];
        long count;
        fixed (int* first = values) Get(name, type, most, &count, first);
        return values[..(int)count];
    }

    /// <summary>One descriptor, which is made here for cuDNN to fill.</summary>
    public CudnnDescriptor Descriptor(CudnnAttribute name, CudnnKind kind)
    {
        var made = new CudnnDescriptor(library, kind);
        long count;
        nint value = made.Value;
        Get(name, CudnnAttributeType.Descriptor, 1, &count, &value);
        return made;
    }

    /// <summary>Descriptors, which are made here for cuDNN to fill; they come out completed.</summary>
    public CudnnDescriptor[] Descriptors(CudnnAttribute name, CudnnKind kind)
    {
        long count;
        Get(name, CudnnAttributeType.Descriptor, 0, &count, null);
        return count == 0 ? [] : Descriptors(name, kind, (int)count);
    }

    /// <summary>The same where cuDNN is not asked for their number first: <paramref name="most"/> at most.</summary>
    public CudnnDescriptor[] Descriptors(CudnnAttribute name, CudnnKind kind, int most)
    {
        CudnnDescriptor[] made = [.. Enumerable.Range(0, most).Select(_ => new CudnnDescriptor(library, kind))];
        nint[] values = [.. made.Select(descriptor => descriptor.Value)];
        long count = 0;
        try
        {
            fixed (nint* first = values) Get(name, CudnnAttributeType.Descriptor, most, &count, first);
            count = Math.Min(count, most);
            return made[..(int)count];
        }
        finally
        {
            foreach (CudnnDescriptor left in made.Skip((int)count)) left.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => library.DestroyDescriptor(handle) == 0;

    CudnnDescriptor Set<T>(CudnnAttribute name, CudnnAttributeType type, ReadOnlySpan<T> values) where T : unmanaged
    {
        fixed (T* first = values) library.Check(library.SetAttribute(handle, (int)name, (int)type, values.Length, first), $"cudnnBackendSetAttribute({kind}, {name})");
        return this;
    }

    void Get(CudnnAttribute name, CudnnAttributeType type, long requested, long* count, void* values)
        => library.Check(library.GetAttribute(handle, (int)name, (int)type, requested, count, values), $"cudnnBackendGetAttribute({kind}, {name})");
}
