using System.Diagnostics;

namespace Culvert.Generators;

/// <summary>Writes generated files, or compares them with what is committed.</summary>
/// <param name="root">The top of the sources.</param>
/// <param name="remedy">The command that writes them.</param>
/// <param name="check">Whether to compare only.</param>
internal sealed class GeneratedFiles(string root, string remedy, bool check)
{
    internal string Root { get; } = root;

    /// <summary>Whether a comparison found a difference.</summary>
    internal bool OutOfDate { get; private set; }

    /// <summary>Takes one file's text.</summary>
    /// <param name="relative">The file, from the top of the sources.</param>
    /// <param name="text">What it is to hold.</param>
    internal void Put(string relative, string text)
    {
        string path = Path.Combine(Root, relative);
        string old = File.Exists(path) ? File.ReadAllText(path) : "";
        if (old == text)
        {
            Console.WriteLine($"{relative}: up to date");
            return;
        }
        if (!check)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
            Console.WriteLine($"{relative}: written");
            return;
        }
        OutOfDate = true;
        Console.Error.WriteLine($"{relative}: out of date; run: {remedy}");
        Console.Error.WriteLine(Differences(path, text));
    }

    private static string Differences(string path, string text)
    {
        string now = Path.GetTempFileName();
        try
        {
            File.WriteAllText(now, text);
            ProcessStartInfo start = new("diff", ["-u", "--label", "committed", "--label", "generated", File.Exists(path) ? path : "/dev/null", now])
            {
                RedirectStandardOutput = true,
                UseShellExecute = false,
            };
            using Process process = Process.Start(start) ?? throw new GeneratorException("diff did not start");
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output;
        }
        finally
        {
            File.Delete(now);
        }
    }
}
