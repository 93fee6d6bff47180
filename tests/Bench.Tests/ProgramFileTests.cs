using System.Text.Json;
using Culvert.Bench.Measuring;
using Culvert.Bench.Report;

namespace Culvert.Bench.Tests;

public sealed class ProgramFileTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("culvert-programs-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void TheHostOfManagedCodeIsToldFromANativeProgram()
    {
        Assert.Equal(ProgramKind.Managed, ProgramFile.KindOf(Path.Combine(AppContext.BaseDirectory, ProgramFile.Agent)));
        Assert.Equal(ProgramKind.Native, ProgramFile.KindOf("/bin/sh"));
    }

    [Fact]
    public void AMissingProgramIsNamed() =>
        Assert.Contains("/no/such/agent", Assert.Throws<BenchInvalidException>(() => ProgramFile.KindOf("/no/such/agent")).Message, StringComparison.Ordinal);

    [Fact]
    public void MachineTellsTheKinds()
    {
        string json = JsonSerializer.Serialize(Machine.Read(0, "/bin/sh", Path.Combine(AppContext.BaseDirectory, ProgramFile.Controller)), ResultsJson.Default.Machine);
        Assert.Contains("\"agent\": \"native\"", json, StringComparison.Ordinal);
        Assert.Contains("\"controller\": \"managed\"", json, StringComparison.Ordinal);
    }

    [Fact]
    public void PublishedProgramsAreTheDefault()
    {
        string folder = Publish();
        BenchOptions options = BenchOptions.Parse([], _root.FullName);
        Assert.Equal((Path.Combine(folder, "culvert-agent"), Path.Combine(folder, "culvert-controller")), (options.Agent, options.Controller));
    }

    [Theory]
    [InlineData("src/NodeAgent/Program.cs", true)]
    [InlineData("global.json", true)]
    [InlineData("Directory.Packages.props", true)]
    [InlineData("src/NodeAgent/obj/x.cs", false)]
    [InlineData("docs/metrics.md", false)]
    public void PublishedProgramsThatAreOlderThanTheirSourcesAreNot(string changed, bool stale)
    {
        string folder = Publish();
        string file = Path.Combine(_root.FullName, changed);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "");
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(1));
        Assert.Equal(stale ? null : folder, ProgramFile.PublishedFolder(_root.FullName));
    }

    [Fact]
    public void AFolderWithoutTheAgentIsNotTheDefault()
    {
        File.Delete(Path.Combine(Publish(), "culvert-agent"));
        Assert.Equal(AppContext.BaseDirectory, BenchOptions.Parse([], _root.FullName).Programs);
    }

    [Fact]
    public void AnOptionNamesTheProgramsOrOneOfThem()
    {
        BenchOptions options = BenchOptions.Parse(["--controller", "/other/controller", "--programs", "/native"], _root.FullName);
        Assert.Equal(("/native/culvert-agent", "/other/controller"), (options.Agent, options.Controller));
    }

    private string Publish()
    {
        string folder = _root.CreateSubdirectory("artifacts/cli").FullName;
        foreach (string name in new[] { "culvert", "culvert-agent", "culvert-controller" }) File.WriteAllText(Path.Combine(folder, name), "");
        return folder;
    }
}
