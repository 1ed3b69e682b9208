using System.Globalization;
using System.Text;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Simulation;

namespace Litespark.Tests.Energy.Paper;

/// <summary>The result page: the paper's table beside the simulation.</summary>
internal static class KernelDvfsPage
{
    const string FileName = "simulation_kernel-dvfs";

    static readonly PaperKernel[] kernels = PaperStep.Kernels();

    /// <summary>Saves the page and the picture beside it.</summary>
    public static void Save(string folder, string page)
    {
        File.WriteAllText(Path.Combine(folder, FileName + ".md"), page);
        var planner = new ClockPlanner(PaperProfiles.Calibrated(), PaperProfiles.Switching(GpuPhysics.Tomorrow, PaperProfiles.Calibrated()));
        double[] taus = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3];
        PlanLevel[] levels = [PlanLevel.Static, PlanLevel.Pass, PlanLevel.KernelLocal, PlanLevel.Kernel];
        File.WriteAllText(Path.Combine(folder, FileName + ".svg"), FrontierSvg.Draw("Simulation: GPT-3-XL on a GPU calibrated on half of a table", planner.Automatic, [.. levels.SelectMany(level => planner.Frontier(level, taus))]));
    }

    /// <summary>The page's text.</summary>
    public static string Write()
    {
        var page = new StringBuilder();
        void Line(FormattableString text) => page.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"# Clocks for every kernel: the published table beside a simulation");
        Line($"");
        Line($"**Everything on this page but the columns \"paper\" is a simulation, calibrated on half of a published table. None of it was measured on a GPU.** The published figures are those of Spaan, Chen and Varbanescu, *Reducing Compute Waste in LLMs through Kernel-Level DVFS* (arXiv 2601.08539v1): GPT-3-XL, 40 sequences of 1024, an RTX 3080 Ti, every kernel measured by itself over a grid of clocks. The page shows that the planner, given a GPU that behaves as theirs did, finds what they found, and what changes of clocks would leave of it.");
        Line($"");
        Line($"    LITESPARK_RESULTS=$PWD/benchmarks/results dotnet test tests/Litespark.Tests -c Release --filter KernelDvfsPaper");
        Line($"");
        Line($"The simulated GPU: a kernel is so many cycles of the core and of the memory, which work side by side; power is static + core (f·V², voltage flat up to a knee, then linear) + memory; over the power limit the core's clock gives way; with both clocks automatic it draws some watts more (the paper's rows with the memory at its own highest clock save 3 to 7 % that nothing else explains). FLOPs and bytes follow from the shapes. {PaperGpu.Count} parameters, each held near a guess, are fitted to {Calibration.Calibrating.Length} rows (their changes of time and energy, and that no neighbour on the grid is better) and to one step's time and energy. The planner searches the paper's grid ({PaperTable.Grid.Length} pairs) without the memory's 405 and 810 MHz, which never win there; the simulation knows nothing of what else those states slow down and would let some products have them. A kind's rows go to the two halves by turns; the two bias reductions, of 2 µs and no change, to neither.");
        Line($"");
        Line($"What comes out as in the paper: global beats local beats pass level, at nearly the same savings; large products want the memory's 5001 MHz, streams a lower clock of the core, attention's products neither; the energy-delay product buys some 10 points of energy with some 10 of time; savings last at other batch sizes. What does not: the forward softmax and the permutes (one parameter a kind cannot hold them) and the gradient of the token embedding; a whole pass saves more here, as any bound ends the watts that both clocks' automatic costs; beyond 10 % more time nothing is left to gain here, where the paper still gains; with tensor parallelism savings shrink here and grow there.");
        Rows(Line);
        Totals(Line);
        Sizes(Line);
        Switching(Line);
        Line($"");
        Line($"## What the fit chose");
        Line($"");
        Line($"Parameters of this simulation; not facts about a GPU.");
        Line($"");
        foreach ((string name, double value) in Calibration.Gpu.Parameters) Line($"    {name,-40} {value,9:G4}");
        return page.ToString();
    }

    static void Rows(Action<FormattableString> line)
    {
        line($"");
        line($"## Row by row");
        line($"");
        line($"Changes in per cent against automatic clocks, at the clocks that the paper found best. The last column is what the planner takes on the simulated GPU (global, no time lost; core/memory).");
        line($"");
        line($"| # | kernel | clocks | half | time, paper | simulated | energy, paper | simulated | planner's clocks |");
        line($"|---|---|---|---|---|---|---|---|---|");
        var planner = new ClockPlanner(PaperProfiles.Calibrated());
        Dictionary<int, ClockPair> planned = planner.Points(planner.MinimizeEnergy(PlanLevel.Kernel, 0)).ToDictionary(point => point.Kernel, point => point.Clocks);
        foreach (PaperRow row in PaperTable.Rows.Where(row => kernels[row.Number].Kind != KernelKind.Tiny))
        {
            (double time, double energy) = Calibration.Change(Calibration.Gpu, kernels[row.Number], row.Clocks);
            string half = Calibration.HeldOut.Contains(row) ? "held out" : "calibrates";
            line($"| {row.Number} | {row.Name()} | {row.Clocks} | {half} | {row.Time:+0.00;-0.00;0.00} | {time:+0.00;-0.00;0.00} | {row.Energy:+0.00;-0.00;0.00} | {energy:+0.00;-0.00;0.00} | {planned[row.Number]} |");
        }

        double mean = Calibration.Calibrating.Average(row => row.Energy), meanTime = Calibration.Calibrating.Average(row => row.Time);
        line($"");
        foreach ((string name, PaperRow[] rows) in new[] { ("calibrating", Calibration.Calibrating), ("held-out", Calibration.HeldOut) })
        {
            double time = rows.Average(row => Math.Abs(Calibration.Change(Calibration.Gpu, kernels[row.Number], row.Clocks).Time - row.Time));
            double energy = rows.Average(row => Math.Abs(Calibration.Change(Calibration.Gpu, kernels[row.Number], row.Clocks).Energy - row.Energy));
            line($"Mean error of the {rows.Length} {name} rows: time {time:0.00} points, energy {energy:0.00} points (to answer with the calibrating rows' mean: {rows.Average(row => Math.Abs(meanTime - row.Time)):0.00} and {rows.Average(row => Math.Abs(mean - row.Energy)):0.00}).");
        }
    }

    static string Name(this PaperRow row) => kernels[row.Number].Name;

    static void Totals(Action<FormattableString> line)
    {
        line($"");
        line($"## The whole step");
        line($"");
        line($"| level | objective | time, paper | simulated | energy, paper | simulated |");
        line($"|---|---|---|---|---|---|");
        var planner = new ClockPlanner(PaperProfiles.Calibrated());
        foreach ((PlanLevel level, PlanObjective objective, double time, double energy) in PaperTable.Totals)
        {
            ClockPlan plan = objective == PlanObjective.Energy ? planner.MinimizeEnergy(level, 0) : planner.MinimizeEnergyDelay(level);
            line($"| {level.Name()} | {(objective == PlanObjective.Energy ? "energy, no time lost" : "energy × time")} | {time:+0.00;-0.00;0.00} | {Time(plan)} | {energy:+0.00;-0.00;0.00} | {Energy(plan)} |");
        }

        line($"");
        line($"More time, global (the paper's figures read off its figure 6): +0 % −15.6, +10 % about −27, +20 % about −32, +30 % −35; simulated {string.Join(", ", new[] { 0, 0.1, 0.2, 0.3 }.Select(tau => $"+{tau * 100:0} % {Energy(planner.MinimizeEnergy(PlanLevel.Kernel, tau))}"))}.");
        line($"");
        line($"Pass level is the paper's definition here, one pair for the whole forward and one for the whole backward pass; without a loss of time it turns on fractions of a per cent. The paper finds pairs that save 6 % of the forward pass and are faster, and for the backward pass none that is not slower, but about 12 % of its energy in less than 1 % more time. Both together would be about −10 % within 1 % (by the share of the forward pass that 2.07 of 6 % tells; our arithmetic, not the paper's figure); simulated {Energy(planner.MinimizeEnergy(PlanLevel.Pass, 0))} without and {Energy(planner.MinimizeEnergy(PlanLevel.Pass, 0.01))} within 1 %. The simulated backward pass gets faster by the pair that is chosen, as the watts that both clocks automatic cost go to the core.");
        line($"");
        StepCost eight = Calibration.Gpu.Run(PaperStep.Kernels(8), _ => ClockPair.Automatic), four = Calibration.Gpu.Run(PaperStep.Kernels(40, 4), _ => ClockPair.Automatic);
        line($"A step of 8 sequences (it calibrates): paper {PaperTable.EightSequences.Seconds} s, {PaperTable.EightSequences.Joules} J; simulated {eight.Seconds:0.00} s, {eight.Joules:0} J. Of 40 on four GPUs (it does not): paper {PaperTable.TensorParallelFour.Seconds} s, {PaperTable.TensorParallelFour.Joules} J; simulated {four.Seconds:0.00} s, {four.Joules:0} J. By its time for 8, a quarter of the paper's work would take 1.4 s at its usual speed: its kernels lose speed when they are cut, the simulated ones lose none.");
        line($"");
        line($"![Frontier of time and energy]({FileName}.svg)");
    }

    static void Sizes(Action<FormattableString> line)
    {
        var planner = new ClockPlanner(PaperProfiles.Calibrated());
        Dictionary<int, ClockPair> clocks = planner.Points(planner.MinimizeEnergy(PlanLevel.Kernel, 0)).ToDictionary(point => point.Kernel, point => point.Clocks);
        string Change(PaperKernel[] step)
        {
            StepCost automatic = Calibration.Gpu.Run(step, _ => ClockPair.Automatic), planned = Calibration.Gpu.Run(step, kernel => clocks[kernel.Number]);
            return string.Create(CultureInfo.InvariantCulture, $"{planned.SecondsOver(automatic) * 100:+0.0;-0.0;0.0} / {planned.JoulesOver(automatic) * 100:+0.0;-0.0;0.0}");
        }

        line($"");
        line($"## Clocks tuned at 40 sequences on one GPU, used elsewhere");
        line($"");
        line($"Time / energy in per cent. The paper concludes that savings transfer, within 2 points of time and 6 of energy (its 16 ways take more time). So they do here, but for 16 ways' time too. That savings shrink here as ways grow, where the paper's grow, is left open: the simulation does not know what kernels lose when they are cut (above).");
        line($"");
        line($"| sequences | 1 | 2 | 4 | 8 | 16 | 32 | 40 |");
        line($"|---|---|---|---|---|---|---|---|");
        line($"| paper (time read off its figure 7) | +2.9 / −15.3 | +1.5 / −14.5 | +1.0 / −14.4 | +0.5 / −14.2 | +0.3 / −13.7 | +0.55 / −14.9 | +0.6 / −14.6 |");
        line($"| simulated | {string.Join(" | ", new[] { 1, 2, 4, 8, 16, 32, 40 }.Select(batch => Change(PaperStep.Kernels(batch))))} |");
        line($"");
        line($"| tensor parallelism | 1 | 2 | 4 | 8 | 16 |");
        line($"|---|---|---|---|---|---|");
        line($"| paper | +0.6 / −14.7 | +1.4 / −15.8 | +2.1 / −16.6 | +2.7 / −17.3 | +6.5 / −16.2 |");
        line($"| simulated | {string.Join(" | ", new[] { 1, 2, 4, 8, 16 }.Select(ways => Change(PaperStep.Kernels(40, ways))))} |");
    }

    static void Switching(Action<FormattableString> line)
    {
        line($"");
        line($"## What changes of clocks leave of it");
        line($"");
        line($"The paper sums kernels as if clocks changed for nothing. Energy in per cent within 1 % more time, and regions of the step between changes, on three simulated GPUs: the calibrated one with changes of \"tens of ms\"; one with an H200's clocks, one memory clock and about 6 ms; one to come with 10 µs. \"Waits\": the step waits for every change at full power. \"Ahead\": kernels run on meanwhile, and a region lasts at least as long as a change.");
        line($"");
        line($"| GPU | static | pass | kernel, changes free | region, waits | regions | region, ahead | regions | ahead, 8 GPUs |");
        line($"|---|---|---|---|---|---|---|---|---|");
        foreach ((string name, EnergyProfile profile, GpuPhysics gpu) in new[]
        {
            ("like an RTX 3080 Ti", PaperProfiles.Calibrated(), GpuPhysics.Rtx3080Ti), ("with an H200's clocks", PaperProfiles.H200(), GpuPhysics.H200), ("to come", PaperProfiles.Tomorrow(), GpuPhysics.Tomorrow),
        })
        {
            ClockPlan Plan(PlanLevel level, bool ahead = false, int gpus = 1) => new ClockPlanner(profile, PaperProfiles.Switching(gpu, profile, gpus), ahead).MinimizeEnergy(level, 0.01);
            ClockPlan waits = Plan(PlanLevel.Region), ahead = Plan(PlanLevel.Region, true);
            line($"| {name} | {Energy(Plan(PlanLevel.Static))} | {Energy(Plan(PlanLevel.Pass))} | {Energy(Plan(PlanLevel.Kernel))} | {Energy(waits)}{Gap(waits)} | {waits.Regions.Count} | {Energy(ahead)}{Gap(ahead)} | {ahead.Regions.Count} | {Energy(Plan(PlanLevel.Region, true, 8))} |");
        }

        line($"");
        line($"In brackets: no plan of that level saves more than this; without brackets the plan is the best.");
    }

    static string Gap(ClockPlan plan)
        => plan.LowerBound > plan.Predicted.Joules * (1 - 1e-6) ? "" : string.Create(CultureInfo.InvariantCulture, $" ({((plan.LowerBound / plan.Automatic.Joules) - 1) * 100:+0.00;-0.00;0.00})");

    static string Time(ClockPlan plan) => string.Create(CultureInfo.InvariantCulture, $"{plan.Predicted.SecondsOver(plan.Automatic) * 100:+0.00;-0.00;0.00}");

    static string Energy(ClockPlan plan) => string.Create(CultureInfo.InvariantCulture, $"{plan.Predicted.JoulesOver(plan.Automatic) * 100:+0.00;-0.00;0.00}");
}
