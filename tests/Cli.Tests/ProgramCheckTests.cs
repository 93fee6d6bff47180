using Culvert.Cli.Checks;

namespace Culvert.Cli.Tests;

public sealed class ProgramCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cv-programs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ANodeNeedsNoController()
    {
        Install("culvert-agent", "bpf/tc.bpf.o");
        Assert.Equal([FindingLevel.Ok, FindingLevel.Ok], ProgramCheck.Run(_folder).Select(f => f.Level));
        Install("culvert-controller");
        Assert.Contains(ProgramCheck.Run(_folder), f => f.Level == FindingLevel.Ok && f.Detail.EndsWith("/culvert-controller", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("culvert-agent", "bpf/tc.bpf.o")]
    [InlineData("bpf/tc.bpf.o", "culvert-agent")]
    public void WhatIsMissingIsAnError(string present, string missing)
    {
        Install(present);
        Finding error = Assert.Single(ProgramCheck.Run(_folder), f => f.Level == FindingLevel.Error);
        Assert.Equal($"{_folder}/{missing} is missing", error.Detail);
    }

    private void Install(params string[] names)
    {
        foreach (string name in names)
        {
            string path = Path.Combine(_folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "");
        }
    }
}
