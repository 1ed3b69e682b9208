using System.Text.Json.Nodes;
using Litespark.Benchmarks.Builds;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Tests;

/// <summary>What several processes say of two builds, put together.</summary>
public class ProcessRatiosTests
{
    static JsonObject Process(double together, params (string Kernel, double Ratio)[] rows) => new JsonObject
    {
        ["rows"] = new JsonArray([.. rows.Select(row => new JsonObject
        {
            ["kernel"] = row.Kernel, ["phase"] = "forward", ["operands"] = "2×2", ["calls"] = 3, ["share"] = 0.25, ["ms_this"] = 1.5, ["ratio"] = row.Ratio,
        })]),
        ["summary"] = new JsonObject { ["ratio"] = together, ["share"] = 0.75, ["first_loss_difference"] = together / 1e6 },
    };

    static JsonObject Step(double ratio) => new JsonObject
    {
        ["rows"] = new JsonArray(new JsonObject { ["ms_this"] = 20.0, ["ratio"] = ratio }),
        ["summary"] = new JsonObject { ["first_loss_difference"] = 0.0, ["last_loss_difference"] = 1e-7 },
    };

    static string Text(ProcessRatios ratios)
    {
        var report = new Report("versus", "benchmarks/run versus");
        ratios.AddTo(report);
        return report.ToText();
    }

    [Fact]
    public void The_median_of_the_processes_counts_and_each_is_shown()
    {
        var ratios = new ProcessRatios([Process(1.1, ("matmul", 1.2)), Process(0.93, ("matmul", 0.9)), Process(1.0, ("matmul", 1.0))]);
        Assert.Equal(1.0, Assert.Single(ratios.Lines).Median);
        Assert.Equal(1.1e-6, ratios.LossDifference("first"), 12);
        Assert.Equal(["first"], ratios.Losses);
        string text = Text(ratios);
        Assert.Contains("1.000×", text, StringComparison.Ordinal);
        Assert.Contains("1.200  0.900  1.000", text, StringComparison.Ordinal);
        Assert.Contains("1.000× over 75.0 % of this build's step; of each process 1.100  0.930  1.000", text, StringComparison.Ordinal);
        Assert.Contains("\"process\":3", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_one_process_left_out_has_the_median_of_the_others()
    {
        var ratios = new ProcessRatios([Process(1, ("matmul", 1.2)), Process(1, ("matmul", 1.0), ("rope", 0.5)), Process(1, ("matmul", 1.1), ("rope", 0.7))]);
        Assert.Equal([1.1, 0.6], ratios.Lines.Select(line => line.Median), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Contains("-  0.500  0.700", Text(ratios), StringComparison.Ordinal);
    }

    [Fact]
    public void Whole_steps_have_one_line()
    {
        var ratios = new ProcessRatios([Step(1.3), Step(1.1), Step(1.2)]);
        Assert.Equal(1.2, Assert.Single(ratios.Lines).Median);
        string text = Text(ratios);
        Assert.Contains("1.300  1.100  1.200", text, StringComparison.Ordinal);
        Assert.Equal(["first", "last"], ratios.Losses);
        Assert.EndsWith("{\"ratio\":1.2,\"first_loss_difference\":0,\"last_loss_difference\":1E-07}\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_one_build_alone_has_is_named()
    {
        JsonObject process = Process(1, ("matmul", 1.0));
        process["rows"]!.AsArray().Add(new JsonObject { ["only_in"] = "this build", ["kernel"] = "rope, forward", ["share"] = 0.125 });
        var ratios = new ProcessRatios([process, Process(1, ("matmul", 1.0))]);
        Assert.Single(ratios.Lines);
        Assert.Contains("this build alone has it (12.5 % of its step): rope, forward", Text(ratios), StringComparison.Ordinal);
    }
}
