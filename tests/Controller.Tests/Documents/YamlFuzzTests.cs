using System.Text;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Store;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

/// <summary>Whatever is in a file, it ends in objects and errors, never in an exception, and never takes a good neighbour down.</summary>
public sealed class YamlFuzzTests
{
    private const string Neighbour = "apiVersion: v1\nkind: Namespace\nmetadata: {name: neighbour}\n";
    private static readonly string[] Fragments = ["---\n", "...\n", "[", "]", "{", "}", ":", ": ", "- ", "\n", "  ", "\t", "&a ", "*a", "!!str ", "!x ", "? ", "| \n", ">-\n", "'", "\"", "\\", "#", "%YAML 1.2\n", "\0", "\uFEFF", "\u0085", "é", "spec", "metadata: ", "kind: Workload\n", "null", "~", "1e999", "0x10", ", "];

    [Fact]
    public void MutatedObjectsNeverThrow()
    {
        string[] seeds = [.. Directory.GetFiles(Path.Combine(Repository.Root, "tests", "Controller.Tests", "Cases"), "*.yaml", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        var random = new Random(20260102);
        for (int i = 0; i < 4000; i++)
        {
            string text = Mutate(seeds[random.Next(seeds.Length)], random);
            ObjectSet set = ObjectSetReader.Read([new("a.yaml", text), new("b.yaml", Neighbour)], ObjectSet.Empty);
            Assert.True(set.Objects.ContainsKey(new(ObjectKind.Namespace, "", "neighbour")), $"round {i}");
            Assert.All(set.Errors, e => Assert.NotEmpty(e.Reason));
        }
    }

    [Fact]
    public void RandomTokensNeverThrow()
    {
        var random = new Random(7);
        for (int i = 0; i < 4000; i++)
        {
            var text = new StringBuilder();
            for (int n = random.Next(40); n >= 0; n--) text.Append(Fragments[random.Next(Fragments.Length)]);
            ObjectSetReader.Read([new("a.yaml", text.ToString())], ObjectSet.Empty);
        }
    }

    [Fact]
    public void HostileSizesAreCheap()
    {
        Assert.NotNull(Assert.Single(YamlReader.Read(new string('[', 200_000))).Error);
        Assert.NotNull(Assert.Single(YamlReader.Read(string.Concat(Enumerable.Repeat("a:\n ", 50_000)))).Error);
        Assert.NotNull(Assert.Single(YamlReader.Read(string.Concat(Enumerable.Repeat("- ", 50_000)))).Error);
        Assert.NotNull(Assert.Single(YamlReader.Read("a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]")).Error);
    }

    private static string Mutate(string text, Random random)
    {
        var result = new StringBuilder(text);
        for (int n = 1 + random.Next(6); n > 0 && result.Length > 0; n--)
        {
            int at = random.Next(result.Length);
            switch (random.Next(4))
            {
                case 0: result.Remove(at, Math.Min(random.Next(1, 20), result.Length - at)); break;
                case 1: result.Insert(at, Fragments[random.Next(Fragments.Length)]); break;
                case 2: result[at] = (char)random.Next(1, 256); break;
                default: result.Insert(at, result.ToString(at, Math.Min(random.Next(1, 60), result.Length - at))); break;
            }
        }
        return result.ToString();
    }
}
