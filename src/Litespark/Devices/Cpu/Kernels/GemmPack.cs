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

    // Also how far ahead rows are asked for unless told otherwise, every line of a piece: pieces are too short for the hardware's prefetcher.
    const int RowsAtOnce = 8;

    // Floats per cache line.
    const int CacheLine = 16;

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
    public static void Contiguous(float* source, nint stride, int lines, int k, int width, float* panels, nint panelLength, float scale)
        => Contiguous(source, stride, lines, k, width, panels, panelLength, scale, RowsAtOnce * stride);

    /// <summary>As above; what lies <paramref name="ahead"/> floats from what is read is fetched.</summary>
    [MethodImpl(Hot)]
    public static void Contiguous(float* source, nint stride, int lines, int k, int width, float* panels, nint panelLength, float scale, nint ahead)
    {
        int full = lines / width * width, rest = lines - full;
        // Some rows of k at a time, so that a panel gets whole lines at once.
        for (int i = 0; i < k; i += RowsAtOnce)
        {
            int rows = Math.Min(RowsAtOnce, k - i);
            float* s = source + i * stride, d = panels + (nint)i * width;
            switch (width)
            {
                case 6: CopyPanelsOf6(s, stride, full, rows, d, panelLength, scale, ahead); break;
                case 32 when Vector512.IsHardwareAccelerated: CopyPanelsOf32(s, stride, full, rows, d, panelLength, scale, ahead); break;
                case 12: CopyPanelsOf12(s, stride, full, rows, d, panelLength, scale, ahead); break;
                default: CopyPanels(s, stride, full, rows, width, d, panelLength, scale, ahead); break;
            }

            if (rest > 0) CopyRest(s + full, stride, rest, rows, width, d + full / width * panelLength, scale);
        }
    }

    // One method for each form: within one, the compiler makes slower loops of all.
    [MethodImpl(Hot)]
    static void CopyPanels(float* s, nint stride, int lines, int rows, int width, float* d, nint panelLength, float scale, nint ahead)
    {
        for (; lines > 0; lines -= width, s += width, d += panelLength)
        {
            float* from = s, to = d;
            for (int r = 0; r < rows; r++, from += stride, to += width)
            {
                int c = 0;
                for (; c + CacheLine <= width; c += CacheLine)
                {
                    Prefetch.Line(from + ahead + c);
                    Vector256<float> low = Vector256.Load(from + c) * scale, high = Vector256.Load(from + c + 8) * scale;
                    low.Store(to + c);
                    high.Store(to + c + 8);
                }

                if (c < width) Prefetch.Line(from + ahead + c);
                for (; c + 8 <= width; c += 8) (Vector256.Load(from + c) * scale).Store(to + c);
                for (; c < width; c += 4) (Vector128.Load(from + c) * scale).Store(to + c);
            }
        }
    }

    [MethodImpl(Hot)]
    static void CopyPanelsOf32(float* s, nint stride, int lines, int rows, float* d, nint panelLength, float scale, nint ahead)
    {
        for (; lines > 0; lines -= 32, s += 32, d += panelLength)
        {
            float* from = s, to = d;
            for (int r = 0; r < rows; r++, from += stride, to += 32)
            {
                Prefetch.Line(from + ahead);
                Prefetch.Line(from + ahead + CacheLine);
                Vector512<float> low = Vector512.Load(from) * scale, high = Vector512.Load(from + CacheLine) * scale;
                low.Store(to);
                high.Store(to + CacheLine);
            }
        }
    }

    [MethodImpl(Hot)]
    static void CopyPanelsOf12(float* s, nint stride, int lines, int rows, float* d, nint panelLength, float scale, nint ahead)
    {
        for (; lines > 0; lines -= 12, s += 12, d += panelLength)
        {
            float* from = s, to = d;
            for (int r = 0; r < rows; r++, from += stride, to += 12)
            {
                Prefetch.Line(from + ahead);
                (Vector256.Load(from) * scale).Store(to);
                (Vector128.Load(from + 8) * scale).Store(to + 8);
            }
        }
    }

    [MethodImpl(Hot)]
    static void CopyPanelsOf6(float* s, nint stride, int lines, int rows, float* d, nint panelLength, float scale, nint ahead)
    {
        for (; lines > 0; lines -= 6, s += 6, d += panelLength)
        {
            float* from = s, to = d;
            for (int r = 0; r < rows; r++, from += stride, to += 6)
            {
                // Two overlapping registers cover six floats.
                Prefetch.Line(from + ahead);
                Vector128<float> low = Vector128.Load(from) * scale, high = Vector128.Load(from + 2) * scale;
                low.Store(to);
                high.Store(to + 2);
            }
        }
    }

    // The last panel, whose missing lines are zeros.
    [MethodImpl(Hot)]
    static void CopyRest(float* s, nint stride, int lines, int rows, int width, float* d, float scale)
    {
        for (int r = 0; r < rows; r++, s += stride, d += width)
        {
            int c = 0;
            for (; c + 4 <= lines; c += 4) (Vector128.Load(s + c) * scale).Store(d + c);
            for (; c < width; c++) d[c] = c < lines ? s[c] * scale : 0;
        }
    }

    /// <summary>
    /// Packs lines that lie <paramref name="stride"/> apart: element (line, k) at source[line·stride + k] (A not transposed, B transposed).
    /// </summary>
    public static void Transposed(float* source, nint stride, int lines, int k, int width, float* panels, float scale = 1)
        // The next panel's rows: each is a short stream, over before the hardware's prefetcher has seen it.
        => Transposed(source, stride, lines, k, width, panels, scale, width * stride);

    /// <summary>As above; what lies <paramref name="ahead"/> floats from what is read is fetched.</summary>
    public static void Transposed(float* source, nint stride, int lines, int k, int width, float* panels, float scale, nint ahead)
    {
        nint length = PanelLength(width, k);
        for (int line = 0; line < lines; line += width, panels += length)
        {
            int valid = Math.Min(width, lines - line);
            TransposedPanel(source + line * stride, stride, valid, k, width, panels, scale, ahead);
            if (valid < width) ClearLines(panels, valid, width, k);
        }
    }

    [MethodImpl(Hot)]
    static void TransposedPanel(float* source, nint stride, int valid, int k, int width, float* panel, float scale, nint ahead)
    {
        // Stores are full blocks. Where the width is no multiple of the block, a strip spills into the next k's first lines:
        // those belong to the first strip, which is why strips go from last to first and k ascends within.
        int size = Transpose.Size;
        // Groups of four rows never spill where the width is a multiple of four.
        int packed = width % 4 == 0 ? Transpose.StripOf16Columns(source, stride, valid, k, panel, width, scale, ahead) : 0, i = packed;
        for (int g = (valid - 1) / size * size; g >= 0 && packed + size <= k; g -= size)
            i = packed + Transpose.Strip(source + g * stride + packed, stride, Math.Min(size, valid - g), k - packed, panel + (nint)packed * width + g, width, scale, ahead);
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
