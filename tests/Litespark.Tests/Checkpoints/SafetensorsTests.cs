using System.Buffers.Binary;
using System.Text;
using Litespark.Checkpoints;
using Litespark.Planning;

namespace Litespark.Tests.Checkpoints;

public class SafetensorsTests
{
    /// <summary>Zeros, denormals, extremes, infinities, NaNs quiet and signalling with payloads.</summary>
    static readonly uint[] s_hardBits =
    [
        0, 0x80000000, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x3F800000, 0x7F7FFFFF, 0xFF7FFFFF,
        0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x7F800001, 0xFFBFFFFF, 0x7FFFFFFF,
    ];

    static byte[] File(string header, params byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        data.CopyTo(file, 8 + json.Length);
        return file;
    }

    static string ErrorOf(byte[] bytes)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("damaged.safetensors");
        System.IO.File.WriteAllBytes(path, bytes);
        string message = Assert.Throws<UserErrorException>(() => SafetensorsReader.Open(path).Dispose()).Message;
        Assert.StartsWith(path, message);
        return message;
    }

    static float[] ReadStored(string dtype, byte[] data, int count)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        System.IO.File.WriteAllBytes(path, File($$$"""{"t":{"dtype":"{{{dtype}}}","shape":[{{{count}}}],"data_offsets":[0,{{{data.Length}}}]}}""", data));
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        float[] values = new float[count];
        reader.Read("t", values);
        return values;
    }

    [Fact]
    public void Fp32_survives_to_the_bit()
    {
        float[] hard = [.. s_hardBits.Select(BitConverter.UInt32BitsToSingle)];
        float[] large = [.. Enumerable.Range(0, 600_000).Select(i => BitConverter.UInt32BitsToSingle((uint)i * 2654435761u))];
        var store = new DictionaryTensorStore();
        store.Add(new TensorInfo("b.hard", [2, hard.Length / 2]), hard);
        store.Add(new TensorInfo("a.large", [600, 1000]), large);
        store.Add(new TensorInfo("empty", [0, 3]), []);
        store.Add(new TensorInfo("scalar \"é\"", []), [7]);

        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, store);
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        Assert.Equal(["b.hard", "a.large", "empty", "scalar \"é\""], reader.Entries.Select(entry => entry.Name));
        Assert.Equal([600, 1000], reader.Entries[1].Shape);
        foreach (TensorInfo tensor in store.Tensors)
        {
            float[] values = new float[tensor.Length];
            reader.Read(tensor.Name, values);
            Assert.Equal(store[tensor.Name].Select(BitConverter.SingleToUInt32Bits), values.Select(BitConverter.SingleToUInt32Bits));
        }
    }

    [Fact]
    public void The_same_store_gives_the_same_bytes_with_an_aligned_header_and_a_format()
    {
        var store = new DictionaryTensorStore([new TensorInfo("z", [3]), new TensorInfo("a", [2, 2])]);
        using MemoryStream first = new(), second = new();
        SafetensorsWriter.Write(first, store);
        SafetensorsWriter.Write(second, store);
        byte[] bytes = first.ToArray();
        Assert.Equal(bytes, second.ToArray());
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal(8 + length + 28, bytes.Length);
        Assert.StartsWith("""{"__metadata__":{"format":"pt"},"z":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"a":""", Encoding.UTF8.GetString(bytes, 8, length));
    }

    [Fact]
    public void Every_bf16_is_widened_exactly_and_narrowed_back()
    {
        byte[] all = new byte[1 << 17];
        for (int i = 0; i < 1 << 16; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(all.AsSpan(2 * i), (ushort)i);
        float[] values = ReadStored("BF16", all, 1 << 16);
        for (int i = 0; i < values.Length; i++)
            Assert.Equal((uint)i << 16, BitConverter.SingleToUInt32Bits(values[i]));

        byte[] back = new byte[all.Length];
        TensorConversion.ToBFloat16(values, back);
        for (int i = 0; i < values.Length; i++)
        {
            int expected = float.IsNaN(values[i]) ? i | 0x40 : i;
            Assert.Equal(expected, BinaryPrimitives.ReadUInt16LittleEndian(back.AsSpan(2 * i)));
        }
    }

    [Theory]
    [InlineData(0x3F808000, 0x3F80)] // a tie goes to even, down
    [InlineData(0x3F818000, 0x3F82)] // a tie goes to even, up
    [InlineData(0x3F808001, 0x3F81)]
    [InlineData(0x3F807FFF, 0x3F80)]
    [InlineData(0x7F7FFFFF, 0x7F80)] // beyond the largest: infinity
    [InlineData(0x7F800000, 0x7F80)]
    [InlineData(0x7F800001, 0x7FC0)] // a NaN stays one
    [InlineData(0x00000001, 0x0000)]
    public void Bf16_rounds_to_nearest_even(uint bits, ushort expected)
    {
        byte[] stored = new byte[2];
        TensorConversion.ToBFloat16([BitConverter.UInt32BitsToSingle(bits)], stored);
        Assert.Equal(expected, BinaryPrimitives.ReadUInt16LittleEndian(stored));
    }

    [Fact]
    public void Every_fp16_is_widened_exactly()
    {
        byte[] all = new byte[1 << 17];
        for (int i = 0; i < 1 << 16; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(all.AsSpan(2 * i), (ushort)i);
        float[] values = ReadStored("F16", all, 1 << 16);
        for (int i = 0; i < values.Length; i++)
        {
            int exponent = (i >> 10) & 31, fraction = i & 1023;
            double magnitude = exponent == 31 ? (fraction == 0 ? double.PositiveInfinity : double.NaN)
                : exponent == 0 ? fraction * Math.Pow(2, -24) : (1024 + fraction) * Math.Pow(2, exponent - 25);
            Assert.Equal(i >= 1 << 15 ? -magnitude : magnitude, values[i]);
        }
    }

    [Fact]
    public void Fp64_is_rounded_to_nearest()
    {
        double[] source = [0.1, -1e300, 1e-300, double.NaN, 1.5];
        byte[] data = new byte[40];
        for (int i = 0; i < 5; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(data.AsSpan(8 * i), source[i]);
        Assert.Equal([0.1f, float.NegativeInfinity, 0f, float.NaN, 1.5f], ReadStored("F64", data, 5));
    }

    [Fact]
    public void A_store_is_written_as_bf16_on_request()
    {
        var store = new DictionaryTensorStore();
        store.Add(new TensorInfo("t", [3]), [1f, -2.5f, 1.00390625f]);
        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, store, WeightDtype.BFloat16);
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        Assert.Equal(("BF16", 6L), (reader.Entries[0].Dtype, reader.Entries[0].ByteLength));
        float[] values = new float[3];
        reader.Read("t", values);
        Assert.Equal([1f, -2.5f, 1f], values);
    }

    [Fact]
    public void Other_types_are_listed_but_not_read()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        System.IO.File.WriteAllBytes(path, File("""{"t":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"u":{"dtype":"F4","shape":[4],"data_offsets":[8,10]}}""", new byte[10]));
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        Assert.Equal(2, reader.Entries.Count);
        Assert.Contains("tensor t is of type I64", Assert.Throws<UserErrorException>(() => reader.Read("t", new float[1])).Message);
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Contains("no such file", Assert.Throws<UserErrorException>(() => SafetensorsReader.Open("/nowhere/x.safetensors")).Message);

    [Fact]
    public void Damaged_heads_are_named()
    {
        Assert.Contains("too few", ErrorOf([1, 2, 3]));
        Assert.Contains("truncated within the header", ErrorOf([200, 0, 0, 0, 0, 0, 0, 0, (byte)'{']));
        Assert.Contains("more than the format allows", ErrorOf([255, 255, 255, 255, 255, 255, 255, 255]));
        Assert.Contains("not valid JSON", ErrorOf(File("{\"t\":")));
        Assert.Contains("not valid JSON", ErrorOf(File("{\"t\":\u0001}")));
        Assert.Contains("not a JSON object", ErrorOf(File("[]")));
        Assert.Contains("not valid JSON", ErrorOf(File("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 1, 2)));
    }

    [Theory]
    [InlineData("""{"t":5}""", 0, "tensor t")]
    [InlineData("""{"t":{"shape":[1],"data_offsets":[0,4]}}""", 4, "tensor t")]
    [InlineData("""{"t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "tensor t")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "tensor t")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "tensor t: its data ends at 0, before it begins at 4")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "F32 of shape [2] takes 8 bytes, but its data_offsets hold 4")]
    [InlineData("""{"t":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,4]}}""", 4, "impossibly large")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"u":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}""", 6, "tensor u overlaps tensor t by 2 bytes")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"u":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}}""", 10, "2 bytes between tensor t and tensor u")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"u":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", 7, "truncated within tensor u")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 9, "5 bytes after tensor t")]
    public void Damaged_entries_are_named(string header, int dataLength, string expected) => Assert.Contains(expected, ErrorOf(File(header, new byte[dataLength])));

    [Fact]
    public void A_file_cut_at_any_byte_is_refused()
    {
        var store = new DictionaryTensorStore([new TensorInfo("t", [3]), new TensorInfo("u", [2])]);
        using MemoryStream whole = new();
        SafetensorsWriter.Write(whole, store);
        byte[] bytes = whole.ToArray();
        for (int length = 0; length < bytes.Length; length++)
            ErrorOf(bytes[..length]);
    }

    [Fact]
    public void Metadata_of_any_kind_is_no_tensor()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        System.IO.File.WriteAllBytes(path, File("{\"__metadata__\":{\"format\":\"pt\",\"who\":\"me\"}}"));
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        Assert.Empty(reader.Entries);
        Assert.False(reader.TryGet("__metadata__", out _));
    }
}
