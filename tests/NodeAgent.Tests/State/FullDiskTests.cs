using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Tests.Datapath;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.State;

/// <summary>Nothing that is enforced waits for a disk, and what could not be written is written when it can be.</summary>
public sealed class FullDiskTests
{
    [Fact]
    public void NumbersAreGivenOutOnAFullDiskAndNeverTwice()
    {
        using FullDisk disk = new();
        PolicyIdFile first = new(disk.Folder, NullLogger.Instance);
        uint kept = first.Ids.Classes.GetOrAdd("kept");
        first.Save();
        disk.Fill();
        uint lost = first.Ids.Classes.GetOrAdd("lost");
        first.Save();

        // The agent that comes next does not know of the lost one, and must not give its number to another name.
        PolicyIdFile second = new(disk.Folder, NullLogger.Instance);
        Assert.Equal(kept, second.Ids.Classes.GetOrAdd("kept"));
        Assert.True(second.Ids.Classes.GetOrAdd("other") > lost);

        disk.Empty();
        first.Save();
        Assert.Equal(lost, new PolicyIdFile(disk.Folder, NullLogger.Instance).Ids.Classes.GetOrAdd("lost"));
    }

    [Fact]
    public void MoreNumbersThanAreSetAsideLeaveNoFileThatSaysLess()
    {
        using FullDisk disk = new();
        PolicyIdFile file = new(disk.Folder, NullLogger.Instance);
        uint first = file.Ids.Rules.GetOrAdd("first");
        file.Save();
        disk.Fill();
        for (int i = 0; i <= PolicyIdFile.Reserve; i++) file.Ids.Rules.GetOrAdd($"rule {i}");
        file.Save();
        Assert.False(File.Exists(Path.Combine(disk.Folder, "ids")));
        Assert.NotEqual(first, new PolicyIdFile(disk.Folder, NullLogger.Instance).Ids.Rules.GetOrAdd("other"));
    }

    [Fact]
    public void AFailedSaveLeavesTheFileBeforeAndNothingElse()
    {
        using FullDisk disk = new();
        using FullDisk other = new();
        SnapshotFile file = new(disk.Folder, other.Folder, "n1", NullLogger.Instance);
        file.Save(TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.1")]) with { Version = 1 }, "e");
        disk.Fill();
        other.Fill();
        Assert.ThrowsAny<IOException>(() => file.Save(TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.2")]) with { Version = 2 }, "e"));
        Assert.Equal(1ul, file.Load()!.Value.Snapshot.Version);
        Assert.Equal(["filler", "snapshot.pb"], Directory.GetFiles(disk.Folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }
}
