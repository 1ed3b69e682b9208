using System.Text.Json.Nodes;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Tests;

public class ReportTests
{
    static Report Sample()
    {
        var report = new Report("gemm", "benchmarks/run gemm");
        var table = new TextTable(1, "layer", "GFLOP/s");
        table.Add("qkv", "190.0");
        report.Table(table);
        report.Raw(new JsonObject { ["layer"] = "qkv", ["gflops"] = 190 });
        report.Summary("mean", 1.5);
        return report;
    }

    [Fact]
    public void As_JSON_it_is_one_line_with_rows_and_summary()
    {
        string json = Sample().ToJson();
        Assert.DoesNotContain('\n', json);
        JsonNode root = JsonNode.Parse(json)!;
        Assert.Equal("qkv", (string?)root["rows"]![0]!["layer"]);
        Assert.Equal(1.5, (double)root["summary"]!["mean"]!);
        Assert.NotNull(root["machine"]!["processor"]);
    }

    [Fact]
    public void A_section_of_a_page_has_command_hardware_table_and_raw_lines()
    {
        string page = Sample().ToMarkdown();
        Assert.StartsWith("## gemm\n\n    benchmarks/run gemm\n", page, StringComparison.Ordinal);
        Assert.Contains("processor:", page, StringComparison.Ordinal);
        Assert.Contains("      qkv      190.0\n", page, StringComparison.Ordinal);
        Assert.Contains("    {\"layer\":\"qkv\",\"gflops\":190}\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Raw_figures_keep_six_digits()
    {
        Assert.Equal(12345.7, Figures.Raw(12345.678));
        Assert.Equal(0.00123457, Figures.Raw(0.001234567));
        Assert.Equal(1234567, Figures.Raw(1234567.2));
    }
}
