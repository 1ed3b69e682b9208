using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>The instructions in compiled kernels.</summary>
static partial class Disassembly
{
    /// <summary>
    /// Opcodes of each image with their modifiers (<c>HMMA.16816.F32.BF16</c>). The disassembler takes half a second to start and a few
    /// milliseconds for a kernel, so it is given the code of all images as one.
    /// </summary>
    /// <param name="disassembler">Path of nvdisasm.</param>
    /// <param name="architecture">What all images are for, as <c>sm_90a</c>.</param>
    /// <param name="images">What the compiler made (ELF).</param>
    public static IReadOnlyList<HashSet<string>> Opcodes(string disassembler, string architecture, IReadOnlyList<byte[]> images)
    {
        string path = Path.Combine(Path.GetTempPath(), $"litespark-{Guid.NewGuid():N}.code");
        try
        {
            var ends = new long[images.Count];
            using (FileStream file = File.Create(path))
                for (int i = 0; i < images.Count; i++)
                {
                    foreach (ReadOnlyMemory<byte> section in Code(images[i])) file.Write(section.Span);
                    ends[i] = file.Position;
                }

            // Without the flow of data, which has no meaning across kernels.
            using var process = Process.Start(new ProcessStartInfo(disassembler, ["--binary", architecture.Replace("sm_", "SM", StringComparison.Ordinal), "--no-dataflow", path]) { RedirectStandardOutput = true })!;
            HashSet<string>[] opcodes = [.. images.Select(_ => new HashSet<string>())];
            while (process.StandardOutput.ReadLine() is { } line)
            {
                if (Instruction().Match(line) is not { Success: true } instruction) continue;
                long address = long.Parse(instruction.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                opcodes[Array.FindIndex(ends, end => address < end)].Add(instruction.Groups[2].Value);
            }

            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
            return opcodes;
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The sections of a 64-bit ELF file that hold instructions.</summary>
    static IEnumerable<ReadOnlyMemory<byte>> Code(byte[] elf)
    {
        const int Table = 0x28, EntrySize = 0x3A, EntryCount = 0x3C, Type = 0x04, Flags = 0x08, Offset = 0x18, Size = 0x20;
        const uint ProgramBits = 1;
        const ulong Executable = 4;
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(EntryCount)); i++)
        {
            int header = checked((int)Long(Table)) + i * BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(EntrySize));
            if (BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(header + Type)) != ProgramBits || (Long(header + Flags) & Executable) == 0) continue;
            yield return elf.AsMemory(checked((int)Long(header + Offset)), checked((int)Long(header + Size)));
        }

        ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(elf.AsSpan(at));
    }

    [GeneratedRegex(@"^\s+/\*([0-9a-f]{4,})\*/\s+(?:\{\s*)?(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)")]
    private static partial Regex Instruction();
}
