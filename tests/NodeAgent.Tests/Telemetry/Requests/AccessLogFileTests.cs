using System.Text;
using Culvert.NodeAgent.Telemetry.Requests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Telemetry.Requests;

/// <summary>The access log in files.</summary>
public sealed class AccessLogFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-log").FullName;

    private string Name => Path.Combine(_folder, "requests.log");

    [Fact]
    public void FilesAreBoundedInSizeAndNumber()
    {
        using (AccessLogFile file = new(Name, maxBytes: 100, count: 3, NullLogger.Instance))
        {
            for (int i = 0; i < 100; i++) Assert.True(file.TryWrite(Encoding.ASCII.GetBytes($"line {i:00} {new string('x', 31)}\n")));
        }

        Assert.Equal(["requests.log", "requests.log.1", "requests.log.2"], Directory.GetFiles(_folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        Assert.All(Directory.GetFiles(_folder), f => Assert.InRange(new FileInfo(f).Length, 1, 100));
        Assert.StartsWith("line 99", File.ReadAllLines(Name)[^1], StringComparison.Ordinal);
        Assert.StartsWith("line 97", File.ReadAllLines(Name + ".1")[^1], StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Name) & ~UnixFileMode.GroupRead);
    }

    [Fact]
    public void AFileThatIsThereIsGoneOnWith()
    {
        File.WriteAllText(Name, "before\n");
        using (AccessLogFile file = new(Name, maxBytes: 100, count: 1, NullLogger.Instance)) Assert.True(file.TryWrite("after\n"u8));
        Assert.Equal("before\nafter\n", File.ReadAllText(Name));
    }

    [Fact]
    public void OneThatCanNotBeWrittenIsTriedAgain()
    {
        string folder = Path.Combine(_folder, "later");
        using AccessLogFile file = new(Path.Combine(folder, "requests.log"), maxBytes: 100, count: 2, NullLogger.Instance);
        Assert.False(file.TryWrite("lost\n"u8));
        Directory.CreateDirectory(folder);
        Assert.True(file.TryWrite("there\n"u8));
        Assert.Equal("there\n", File.ReadAllText(Path.Combine(folder, "requests.log")));
    }

    [Fact]
    public void LinesOnAPipeAreInPiecesOfWholeOnes()
    {
        Pieces pieces = new();
        string lines = string.Concat(Enumerable.Range(0, 50).Select(i => $"{i} {new string('x', 400)}\n")) + new string('y', 9000) + "\nlast\n";
        using (AccessLogStream stream = new(pieces)) Assert.True(stream.TryWrite(Encoding.ASCII.GetBytes(lines)));
        Assert.Equal(lines, string.Concat(pieces.Written));
        Assert.All(pieces.Written, p => Assert.EndsWith("\n", p, StringComparison.Ordinal));
        Assert.Single(pieces.Written, p => p.Length > 4096);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class Pieces : MemoryStream
    {
        internal List<string> Written { get; } = [];

        public override void Write(ReadOnlySpan<byte> buffer) => Written.Add(Encoding.ASCII.GetString(buffer));
    }
}
