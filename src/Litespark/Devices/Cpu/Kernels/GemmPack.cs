using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Packing of an operand into panels [k][width]: panel p holds lines p·width … p·width + width − 1 of the operand
/// (rows of A with width = tile rows, columns of B with width = tile columns), missing lines of the last panel as zeros.
/// A width is 6 or a multiple of 4. A panel may be followed by a few floats of padding: panels lie <see cref="PanelLength"/> apart.
/// </summary>
internal static unsafe class GemmPack
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    // Also how far ahead rows are asked for: pieces of rows are too short for the hardware's prefetcher.
    const int RowsAtOnce = 8;

    /// <summary>Floats from one panel to the next (a multiple of 16): the panel and what full-width stores spill behind it.</summary>
    public static nint PanelLength(int width, nint k) => (k * width + (width % Transpose.Size == 0 ? 0 : Transpose.Size) + 15) & ~(nint)15;

    /// <summary>Number of panels that hold <paramref name="lines"/> lines.</summary>
    public static int PanelCount(int width, int lines) => (lines + width - 1) / width;

    /// <summary>
    /// Packs lines that lie next to each other: element (line, k) at source[k·stride + line] (A transposed, B not transposed).
    /// </summary>
    public static void Contiguous(float* source, nint stride, int lines, int k, int width, float* panels, float scale = 1)
        => Contiguous(source, stride, lines, k, width, panels, PanelLength(width, k), scale);

    /// <summary>As above into panels that lie <paramref name="panelLength"/> apart: with a longer one, k is a part of that of the panels.</summary>
    [MethodImpl(Hot)]
    public static void Contiguous(float* source, nint stride, int lines, int k, int width, float* panels, nint panelLength, float scale)
    {
        int full = lines / width, rest = lines % width;
        // Some rows of k at a time, so that a panel gets whole lines at once.
        for (int i = 0; i < k; i += RowsAtOnce)
        {
            int rows = Math.Min(RowsAtOnce, k - i);
            float* s = source + i * stride, d = panels + (nint)i * width;
            for (int p = 0; p < full; p++, s += width, d += panelLength) CopyRows(s, stride, rows, width, d, scale);
            for (int r = 0; rest > 0 && r < rows; r++)
            {
                float* from = s + r * stride, to = d + r * width;
                int c = 0;
                for (; c + 4 <= rest; c += 4) (Vector128.Load(from + c) * scale).Store(to + c);
                for (; c < width; c++) to[c] = c < rest ? from[c] * scale : 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void CopyRows(float* s, nint stride, int rows, int width, float* d, float scale)
    {
        for (; rows > 0; rows--, s += stride, d += width)
        {
            Prefetch.Line(s + RowsAtOnce * stride);
            if (width == 6)
            {
                // Two overlapping registers cover six floats.
                Vector128<float> low = Vector128.Load(s) * scale, high = Vector128.Load(s + 2) * scale;
                low.Store(d);
                high.Store(d + 2);
                continue;
            }

            int c = 0;
            for (; c + 8 <= width; c += 8) (Vector256.Load(s + c) * scale).Store(d + c);
            for (; c < width; c += 4) (Vector128.Load(s + c) * scale).Store(d + c);
        }
    }

    /// <summary>
    /// Packs lines that lie <paramref name="stride"/> apart: element (line, k) at source[line·stride + k] (A not transposed, B transposed).
    /// </summary>
    public static void Transposed(float* source, nint stride, int lines, int k, int width, float* panels, float scale = 1)
    {
        nint length = PanelLength(width, k);
        for (int line = 0; line < lines; line += width, panels += length)
        {
            int valid = Math.Min(width, lines - line);
            TransposedPanel(source + line * stride, stride, valid, k, width, panels, scale);
            if (valid < width) ClearLines(panels, valid, width, k);
        }
    }

    [MethodImpl(Hot)]
    static void TransposedPanel(float* source, nint stride, int valid, int k, int width, float* panel, float scale)
    {
        // Stores are full blocks. Where the width is no multiple of the block, a strip spills into the next k's first lines:
        // those belong to the first strip, which is why strips go from last to first and k ascends within.
        int size = Transpose.Size;
        // The next panel's rows are fetched meanwhile: each is a short stream, over before the hardware's prefetcher has seen it.
        nint nextPanel = width * stride;
        // Groups of four rows never spill where the width is a multiple of four.
        int packed = width % 4 == 0 ? Transpose.StripOf16Columns(source, stride, valid, k, panel, width, scale, nextPanel) : 0, i = packed;
        for (int g = (valid - 1) / size * size; g >= 0 && packed + size <= k; g -= size)
            i = packed + Transpose.Strip(source + g * stride + packed, stride, Math.Min(size, valid - g), k - packed, panel + (nint)packed * width + g, width, scale, nextPanel);
        for (; i < k; i++)
        {
            for (int r = 0; r < valid; r++) panel[(nint)i * width + r] = source[r * stride + i] * scale;
        }
    }

    static void ClearLines(float* panel, int valid, int width, int k)
    {
        for (int i = 0; i < k; i++) new Span<float>(panel + (nint)i * width + valid, width - valid).Clear();
    }
}
