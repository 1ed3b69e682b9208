using System.Runtime.InteropServices;

namespace Litespark.Energy.Nvml;

/// <summary><c>nvmlFieldValue_t</c>: one figure asked for by number, 40 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct NvmlFieldValue
{
    /// <summary><c>NVML_FI_DEV_POWER_INSTANT</c>: the board's power now, in milliwatts, on GPUs whose usual figure is an average.</summary>
    public const uint PowerInstant = 186;

    /// <summary>The figure that is wanted.</summary>
    [FieldOffset(0)] public uint FieldId;

    /// <summary>A part of the GPU; 0 is the GPU itself.</summary>
    [FieldOffset(4)] public uint ScopeId;

    /// <summary>Microseconds since 1970.</summary>
    [FieldOffset(8)] public long Timestamp;

    /// <summary>Microseconds that the driver took for it.</summary>
    [FieldOffset(16)] public long Latency;

    /// <summary>How to read the value.</summary>
    [FieldOffset(24)] public NvmlValueType Type;

    /// <summary>Whether there is a value.</summary>
    [FieldOffset(28)] public NvmlReturn Return;

    [FieldOffset(32)] readonly double asDouble;
    [FieldOffset(32)] readonly uint asUInt32;
    [FieldOffset(32)] readonly int asInt32;
    [FieldOffset(32)] readonly ulong asUInt64;
    [FieldOffset(32)] readonly long asInt64;

    /// <summary>The value as a number, whichever type this driver chose for it; NaN for a type that is unknown.</summary>
    public readonly double Value => Type switch
    {
        NvmlValueType.Double => asDouble,
        NvmlValueType.UnsignedInt => asUInt32,
        // The C type: 32 bits on Windows, 64 elsewhere.
        NvmlValueType.UnsignedLong => OperatingSystem.IsWindows() ? asUInt32 : asUInt64,
        NvmlValueType.UnsignedLongLong => asUInt64,
        NvmlValueType.SignedLongLong => asInt64,
        NvmlValueType.SignedInt => asInt32,
        _ => double.NaN,
    };
}

/// <summary><c>nvmlValueType_t</c>.</summary>
internal enum NvmlValueType
{
    Double = 0,
    UnsignedInt = 1,
    UnsignedLong = 2,
    UnsignedLongLong = 3,
    SignedLongLong = 4,
    SignedInt = 5,
}
