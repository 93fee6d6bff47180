using Culvert.Controller.Compilation;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

/// <summary>Each folder of Cases: YAML in, snapshot of <c>node-1</c>, errors and warnings out. Set CULVERT_UPDATE_GOLDEN=1 to write what is expected anew.</summary>
public sealed class GoldenTests
{
    private static readonly string Cases = Path.Combine(Repository.Root, "tests", "Controller.Tests", "Cases");

    public static TheoryData<string> Names => [.. Directory.GetDirectories(Cases).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void FolderGivesTheExpectedSnapshotAndErrors(string name)
    {
        string folder = Path.Combine(Cases, name);
        ObjectSet objects = ObjectSetReader.Read(new FolderReader(folder).Read(), ObjectSet.Empty);
        Check(Path.Combine(folder, "expected.errors"), string.Concat(objects.Errors.Select(e => e + "\n")));
        Check(Path.Combine(folder, "expected.warnings"), string.Concat(objects.Warnings.Select(e => e + "\n")));
        Check(Path.Combine(folder, "expected.snapshot"), SnapshotJson.Render(MeshCompiler.Compile(objects, []).SnapshotFor("node-1") with { Problems = new() }));
    }

    [Fact]
    public void SamplesAreValid()
    {
        ObjectSet objects = ObjectSetReader.Read(new FolderReader(Path.Combine(Repository.Root, "samples", "standalone")).Read(), ObjectSet.Empty);
        Assert.Empty(objects.Errors);
        Assert.Equal(10, objects.Objects.Count);
    }

    private static void Check(string path, string actual)
    {
        if (Environment.GetEnvironmentVariable("CULVERT_UPDATE_GOLDEN") == "1") File.WriteAllText(path, actual);
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
