using Litespark.Energy.Clocks;

namespace Litespark.Tests.Energy.Paper;

/// <summary>
/// Fits the simulated GPU to half of Table 1 (a kind's rows by turns; kinds begin by turns with a calibrating and a held-out
/// row) and to the step of eight sequences. Of a calibrating row count the changes of time and energy at its clocks, and that
/// no neighbour on the grid is better at the price of a second. The held-out rows are not seen.
/// </summary>
internal static class Calibration
{
    const double TimeWidth = 0.7, EnergyWidth = 1.5, ChoiceWidth = 0.7, TotalWidth = 0.03; // per cent, the last a fraction

    static readonly Lazy<PaperGpu> fitted = new(Fit);

    /// <summary>The rows that calibrate.</summary>
    public static readonly PaperRow[] Calibrating = [.. Half(0)];

    /// <summary>The rows that are predicted.</summary>
    public static readonly PaperRow[] HeldOut = [.. Half(1)];

    /// <summary>The calibrated GPU.</summary>
    public static PaperGpu Gpu => fitted.Value;

    /// <summary>Change against automatic clocks in per cent.</summary>
    public static (double Time, double Energy) Change(PaperGpu gpu, PaperKernel kernel, ClockPair clocks)
    {
        StepCost automatic = gpu.Run(kernel, ClockPair.Automatic), cost = gpu.Run(kernel, clocks);
        return (cost.SecondsOver(automatic) * 100, cost.JoulesOver(automatic) * 100);
    }

    static PaperGpu Fit() => new(LeastSquares.Fit(logarithms => [.. Residuals(logarithms)], new double[PaperGpu.Count]));

    static IEnumerable<double> Residuals(double[] logarithms)
    {
        var gpu = new PaperGpu(logarithms);
        PaperKernel[] kernels = PaperStep.Kernels();
        foreach (PaperRow row in Calibrating)
        {
            PaperKernel kernel = kernels[row.Number];
            (double time, double energy) = Change(gpu, kernel, row.Clocks);
            yield return (time - row.Time) / TimeWidth;
            yield return (energy - row.Energy) / EnergyWidth;
            double Priced(ClockPair clocks)
            {
                StepCost cost = gpu.Run(kernel, clocks);
                return cost.Joules + (gpu.Price * cost.Seconds);
            }

            double chosen = Priced(row.Clocks);
            foreach (ClockPair neighbour in Neighbours(row.Clocks)) yield return Math.Max(0, (chosen / Priced(neighbour)) - 1) * 100 / ChoiceWidth;
        }

        StepCost step = gpu.Run(PaperStep.Kernels(batch: 8), _ => ClockPair.Automatic);
        yield return step.SecondsOver(PaperTable.EightSequences) / TotalWidth;
        yield return step.JoulesOver(PaperTable.EightSequences) / TotalWidth;
        foreach (double logarithm in logarithms) yield return logarithm;
    }

    /// <summary>One step of the core's clock up and down, and the memory's other useful clocks.</summary>
    static IEnumerable<ClockPair> Neighbours(ClockPair clocks)
    {
        if (clocks.CoreMegahertz is { } core)
        {
            yield return clocks with { CoreMegahertz = core - 210 };
            yield return clocks with { CoreMegahertz = core + 210 };
        }
        else
        {
            yield return clocks with { CoreMegahertz = 1680 };
        }

        yield return clocks with { MemoryMegahertz = clocks.MemoryMegahertz == 5001 ? 9501 : 5001 };
        yield return clocks with { MemoryMegahertz = 810 }; // "never win" (section 4)
    }

    static IEnumerable<PaperRow> Half(int half)
    {
        PaperKernel[] kernels = PaperStep.Kernels();
        int begins = 0;
        foreach (var kind in PaperTable.Rows.Where(row => kernels[row.Number].Kind != KernelKind.Tiny).GroupBy(row => kernels[row.Number].Kind).OrderBy(kind => kind.Key))
        {
            foreach ((PaperRow row, int place) in kind.Select((row, place) => (row, place)))
                if ((place + begins) % 2 == half) yield return row;
            begins++;
        }
    }
}
