using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Litespark.Checkpoints;

/// <summary>Little-endian bytes of a stored dtype ⇄ fp32. Widening is exact; narrowing rounds to nearest even.</summary>
internal static class TensorConversion
{
    /// <summary>bf16 → fp32: the upper half of the bits, NaN payloads kept.</summary>
    public static void FromBFloat16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]) << 16);
    }

    /// <summary>fp16 → fp32.</summary>
    public static void FromFloat16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
            destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]);
    }

    /// <summary>fp32 → fp32, bit by bit.</summary>
    public static void FromFloat32(ReadOnlySpan<byte> source, Span<float> destination)
    {
        if (BitConverter.IsLittleEndian)
        {
            source.CopyTo(MemoryMarshal.AsBytes(destination));
            return;
        }
        for (int i = 0; i < destination.Length; i++)
            destination[i] = BinaryPrimitives.ReadSingleLittleEndian(source[(4 * i)..]);
    }

    /// <summary>fp64 → fp32, rounded to nearest even.</summary>
    public static void FromFloat64(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
            destination[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(source[(8 * i)..]);
    }

    /// <summary>fp32 → bf16, rounded to nearest even; a NaN stays one.</summary>
    public static void ToBFloat16(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (int i = 0; i < source.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(2 * i)..], ToBFloat16(source[i]));
    }

    /// <summary>fp32 → the bits of a bf16, rounded to nearest even.</summary>
    public static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40); // the quiet bit, lest the kept part of the payload be 0, which is infinity
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
