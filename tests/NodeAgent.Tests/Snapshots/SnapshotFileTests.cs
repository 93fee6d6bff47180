using Culvert.Core;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Tests.Datapath;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Snapshots;

public sealed class SnapshotFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-snapshot").FullName;

    private readonly string _other = Directory.CreateTempSubdirectory("culvert-run").FullName;

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_other, recursive: true);
    }

    [Fact]
    public void WhatWasSavedComesBack()
    {
        SnapshotFile file = new(_folder, _other, "n1", NullLogger.Instance);
        NodeSnapshot snapshot = TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.1 fd00::1")]) with { Version = 42 };
        file.Save(snapshot, "epoch-1");
        (NodeSnapshot loaded, string epoch) = file.Load()!.Value;
        Assert.Equal("epoch-1", epoch);
        Assert.Equal(42ul, loaded.Version);
        Assert.Equal(snapshot.Workloads["shop/a"], loaded.Workloads["shop/a"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "snapshot.pb")));
    }

    [Fact]
    public void WhatCannotBeSavedWhereItBelongsComesBackFromTheOtherFolderUntilItCan()
    {
        SnapshotFile file = new(_folder, _other, "n1", NullLogger.Instance);
        NodeSnapshot snapshot = TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.1")]);
        file.Save(snapshot with { Version = 1 }, "e");
        string blocked = Path.Combine(_folder, "snapshot.pb.new", "blocked");
        Directory.CreateDirectory(blocked);

        IOException error = Assert.Throws<IOException>(() => file.Save(snapshot with { Version = 2 }, "e"));

        Assert.Contains($"an agent that starts meanwhile has it from {Path.Combine(_other, "snapshot.pb")}", error.Message, StringComparison.Ordinal);
        Assert.Equal(2ul, file.Load()!.Value.Snapshot.Version);
        Directory.Delete(Path.GetDirectoryName(blocked)!, recursive: true);
        file.Save(snapshot with { Version = 3 }, "e");
        Assert.Equal(3ul, file.Load()!.Value.Snapshot.Version);
        Assert.Empty(Directory.GetFiles(_other));
    }

    [Fact]
    public void TheNewerOfTwoComesBack()
    {
        SnapshotFile file = new(_folder, _other, "n1", NullLogger.Instance);
        NodeSnapshot snapshot = TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.1")]);
        new SnapshotFile(_other, _folder, "n1", NullLogger.Instance).Save(snapshot with { Version = 1 }, "e");
        string older = File.ReadAllText(Path.Combine(_other, "snapshot.pb"), System.Text.Encoding.Latin1);
        file.Save(snapshot with { Version = 2 }, "e");
        File.WriteAllText(Path.Combine(_other, "snapshot.pb"), older, System.Text.Encoding.Latin1);
        Assert.Equal(2ul, file.Load()!.Value.Snapshot.Version);
    }

    [Fact]
    public void NothingSavedIsNothingLoaded() => Assert.Null(new SnapshotFile(_folder, _other, "n1", NullLogger.Instance).Load());

    [Fact]
    public void ACorruptFileIsSetAside()
    {
        string path = Path.Combine(_folder, "snapshot.pb");
        File.WriteAllBytes(path, [.. Enumerable.Range(0, 100).Select(i => (byte)(i * 37))]);
        Assert.Null(new SnapshotFile(_folder, _other, "n1", NullLogger.Instance).Load());
        Assert.False(File.Exists(path));
        Assert.Single(Directory.GetFiles(_folder, "snapshot.pb.corrupt-*"));
    }

    [Fact]
    public void ATruncatedFileIsSetAside()
    {
        SnapshotFile file = new(_folder, _other, "n1", NullLogger.Instance);
        file.Save(TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.1")]), "e");
        string path = Path.Combine(_folder, "snapshot.pb");
        byte[] all = File.ReadAllBytes(path);
        File.WriteAllBytes(path, all[..^5]);
        Assert.Null(file.Load());
        Assert.Single(Directory.GetFiles(_folder, "snapshot.pb.corrupt-*"));
    }
}
