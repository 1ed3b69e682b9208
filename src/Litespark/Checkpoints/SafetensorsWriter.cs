using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Litespark.Planning;

namespace Litespark.Checkpoints;

/// <summary>Writes safetensors files, tensor by tensor in the store's order: the same store gives the same bytes.</summary>
internal static class SafetensorsWriter
{
    const int ChunkElements = 1 << 18;

    /// <summary>Writes all tensors of a store, replacing the file.</summary>
    public static void Write(string path, ITensorStore store, WeightDtype dtype = WeightDtype.Float32)
    {
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        Write(stream, store, dtype);
    }

    /// <summary>Writes all tensors of a store.</summary>
    public static unsafe void Write(Stream stream, ITensorStore store, WeightDtype dtype = WeightDtype.Float32)
    {
        stream.Write(Header(store.Tensors, dtype));
        long largest = store.Tensors.Count == 0 ? 0 : store.Tensors.Max(tensor => tensor.Length);
        using var buffer = new NativeBuffer(largest * sizeof(float));
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkElements * sizeof(float));
        try
        {
            foreach (TensorInfo tensor in store.Tensors)
            {
                var values = new Span<float>(buffer.Floats, checked((int)tensor.Length));
                store.Read(tensor.Name, values);
                for (int start = 0; start < values.Length; start += ChunkElements)
                {
                    ReadOnlySpan<float> part = values[start..Math.Min(start + ChunkElements, values.Length)];
                    stream.Write(Encode(part, chunk, dtype));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    static ReadOnlySpan<byte> Encode(ReadOnlySpan<float> values, byte[] chunk, WeightDtype dtype)
    {
        if (dtype == WeightDtype.BFloat16)
        {
            TensorConversion.ToBFloat16(values, chunk);
            return chunk.AsSpan(0, 2 * values.Length);
        }
        if (BitConverter.IsLittleEndian)
            return MemoryMarshal.AsBytes(values);
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(chunk.AsSpan(4 * i), values[i]);
        return chunk.AsSpan(0, 4 * values.Length);
    }

    /// <summary>Length and JSON, padded with spaces so that the data begins at a multiple of 8 bytes.</summary>
    static byte[] Header(IReadOnlyList<TensorInfo> tensors, WeightDtype dtype)
    {
        (string name, int size) = dtype == WeightDtype.BFloat16 ? ("BF16", 2) : ("F32", 4);
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteStartObject(SafetensorsHeader.MetadataKey);
            writer.WriteString("format", "pt");
            writer.WriteEndObject();
            long offset = 0;
            foreach (TensorInfo tensor in tensors)
            {
                long end = offset + tensor.Length * size;
                writer.WriteStartObject(tensor.Name);
                writer.WriteString("dtype", name);
                writer.WriteStartArray("shape");
                foreach (int length in tensor.Shape)
                    writer.WriteNumberValue(length);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                writer.WriteNumberValue(end);
                writer.WriteEndArray();
                writer.WriteEndObject();
                offset = end;
            }
            writer.WriteEndObject();
        }
        int padded = (json.WrittenCount + 7) / 8 * 8;
        byte[] header = new byte[SafetensorsHeader.LengthBytes + padded];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)padded);
        json.WrittenSpan.CopyTo(header.AsSpan(SafetensorsHeader.LengthBytes));
        return header;
    }
}
