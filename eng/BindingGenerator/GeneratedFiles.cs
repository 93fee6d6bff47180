namespace Culvert.BindingGenerator;

/// <summary>Writes generated files, or compares them with what is committed.</summary>
internal sealed class GeneratedFiles(string root, bool check)
{
    private const int MostDifferences = 20;

    internal string Root { get; } = root;

    /// <summary>Whether a comparison found a difference.</summary>
    internal bool OutOfDate { get; private set; }

    /// <summary>Takes one file's text.</summary>
    internal void Put(string name, string text)
    {
        string relative = Path.Combine("src/Interop/Generated", name);
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
        Console.Error.WriteLine($"{relative}: out of date; run: dotnet run --project eng/BindingGenerator -- libbpf abi");
        Differences(old.Split('\n'), text.Split('\n'));
    }

    private static void Differences(string[] old, string[] now)
    {
        int head = 0;
        while (head < Math.Min(old.Length, now.Length) && old[head] == now[head]) head++;
        int tail = 0;
        while (tail < Math.Min(old.Length, now.Length) - head && old[^(tail + 1)] == now[^(tail + 1)]) tail++;
        Console.Error.WriteLine($"@@ line {head + 1} @@");
        Print('-', old[head..^tail]);
        Print('+', now[head..^tail]);
    }

    private static void Print(char sign, string[] lines)
    {
        foreach (string line in lines.Take(MostDifferences)) Console.Error.WriteLine($"{sign}{line}");
        if (lines.Length > MostDifferences) Console.Error.WriteLine($"{sign} ... {lines.Length - MostDifferences} more lines");
    }
}
