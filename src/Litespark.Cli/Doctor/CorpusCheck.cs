using Litespark.Data.Sources;

namespace Litespark.Cli.Doctor;

/// <summary>The default recipe's text: the API documentation inside the .NET SDK.</summary>
internal sealed class CorpusCheck : IDoctorCheck
{
    public IEnumerable<DoctorFinding> Run()
    {
        DoctorFinding finding;
        try
        {
            List<string> files = DotNetDocs.FindFiles();
            finding = new DoctorFinding("default corpus", true, $"{files.Count} files of API documentation below {CommonFolder(files)}");
        }
        catch (UserErrorException missing)
        {
            finding = new DoctorFinding("default corpus", false, missing.Message, "Other text works too: data.source: files with data.train.");
        }

        yield return finding;
    }

    static string CommonFolder(List<string> files)
    {
        string folder = Path.GetDirectoryName(files[0])!;
        while (!files.All(file => file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
