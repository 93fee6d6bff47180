using System.Globalization;
using Culvert.Labs;

namespace Culvert.SystemTests;

public sealed class LabTests
{
    [Fact]
    public async Task Pods_reach_each_other_on_the_same_and_on_another_node()
    {
        await using var lab = await Lab.CreateAsync(new LabOptions { Mtu = 9000 });
        var a = await lab.AddNodeAsync("node1");
        var b = await lab.AddNodeAsync("node2");
        var client = await lab.AddPodAsync(a, "client");
        var near = await lab.AddPodAsync(a, "near");
        var far = await lab.AddPodAsync(b, "far");

        foreach (var pod in new[] { near, far })
        {
            foreach (var address in new[] { pod.Address4, pod.Address6 })
            {
                var ping = await client.RunAsync("ping", ["-c1", "-W2", "-s8000", address.ToString()]);
                Assert.True(ping.Succeeded, ping.Output + ping.Error);
            }
        }
    }

    [Fact]
    public async Task Packets_to_a_far_node_take_their_time_and_get_lost_as_asked()
    {
        await using var lab = await Lab.CreateAsync();
        var near = await lab.AddNodeAsync("near");
        var far = await lab.AddNodeAsync("far", new LabWireOptions { Delay = TimeSpan.FromMilliseconds(20) });
        var pod = await lab.AddPodAsync(far, "pod");

        foreach (var address in new[] { pod.Address4, pod.Address6 })
        {
            var ping = await near.RunAsync("ping", ["-c10", "-i0.1", "-W2", address.ToString()]);
            Assert.True(ping.Succeeded, ping.Output + ping.Error);
            var fastest = double.Parse(ping.Output.Split("rtt min/avg/max/mdev = ")[1].Split('/')[0], CultureInfo.InvariantCulture);
            Assert.InRange(fastest, 40, 60 * LabWait.Patience);
        }

        far.Wire!.Loss = 1;

        var lost = await near.RunAsync("ping", ["-c2", "-i0.1", "-W1", pod.Address4.ToString()]);
        Assert.Contains("100% packet loss", lost.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposing_leaves_no_namespace_mount_folder_or_program()
    {
        var lab = await Lab.CreateAsync();
        var node = await lab.AddNodeAsync("node1");
        var pod = await lab.AddPodAsync(node, "p1");
        var server = pod.Start("server", "socat", "TCP-LISTEN:8080,fork", "EXEC:cat");
        await LabWait.ForListenerAsync(server, 8080);

        await lab.DisposeAsync();

        Assert.True(server.HasExited);
        Assert.DoesNotContain(lab.Id, await File.ReadAllTextAsync("/proc/mounts"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles("/run/netns", $"cv-{lab.Id}-*"));
        Assert.False(Directory.Exists(lab.Folder));
    }

    [Fact]
    public async Task A_program_that_ends_early_is_reported_with_its_output()
    {
        await using var lab = await Lab.CreateAsync();
        var node = await lab.AddNodeAsync("node1");
        var program = node.Start("broken", "sh", "-c", "echo no such luck; exit 3");

        var e = await Assert.ThrowsAsync<ToolFailedException>(() => LabWait.ForListenerAsync(program, 1));

        Assert.Contains("status 3", e.Message, StringComparison.Ordinal);
        Assert.Contains("no such luck", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_kept_lab_outlives_its_owner_object_until_it_is_removed_and_nothing_else_is(bool byItself)
    {
        var root = Path.Combine(Path.GetTempPath(), "cv-lab-" + Guid.NewGuid().ToString("N"));
        var lab = await Lab.CreateAsync(new LabOptions { Root = root });
        await lab.AddNodeAsync("node1");
        lab.Keep();
        await lab.DisposeAsync();
        Assert.True(Directory.Exists(lab.Folder));
        await File.WriteAllTextAsync(Path.Combine(lab.Folder, "owner"), "1 0");

        Assert.Empty(await Lab.RemoveStaleAsync(root));

        // What is no lab is not touched.
        foreach (var other in new[] { "home", "abcde", "it's" })
        {
            Directory.CreateDirectory(Path.Combine(root, other, "inner"));
        }

        Assert.Empty(await Lab.RemoveAllAsync(Path.Combine(root, "abcde")));
        Assert.Equal([lab.Id], await Lab.RemoveAllAsync(byItself ? lab.Folder : root));
        Assert.Equal(["abcde", "home", "it's"], Directory.GetDirectories(root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetFiles("/run/netns", $"cv-{lab.Id}-*"));
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task Many_that_find_the_lab_of_a_killed_process_at_once_remove_it_together()
    {
        var root = Path.Combine(Path.GetTempPath(), "cv-lab-" + Guid.NewGuid().ToString("N"));
        var lab = await Lab.CreateAsync(new LabOptions { Root = root });
        await lab.AddNodeAsync("node1");
        lab.Keep();
        await lab.DisposeAsync();
        await File.WriteAllTextAsync(Path.Combine(lab.Folder, "owner"), "1 0");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Lab.RemoveAllAsync(root))));

        Assert.Empty(Directory.GetFiles("/run/netns", $"cv-{lab.Id}-*"));
        Assert.False(Directory.Exists(root));
    }

    [Fact]
    public async Task Detach_in_a_namespace_of_a_lab_ends_the_labs_programs_and_not_the_shell_it_was_typed_in()
    {
        var root = Path.Combine(Path.GetTempPath(), "cv-lab-" + Guid.NewGuid().ToString("N"));
        var lab = await Lab.CreateAsync(new LabOptions { Root = root });
        var node = await lab.AddNodeAsync("node1");
        var pod = await lab.AddPodAsync(node, "p1");
        await using var server = pod.Start("server", "socat", "TCP-LISTEN:8080,fork", "EXEC:cat");
        await LabWait.ForListenerAsync(server, 8080);
        lab.Keep();
        await File.WriteAllTextAsync(Path.Combine(lab.Folder, "owner"), "1 0");
        var culvert = LabPrograms.Culvert;
        string[] places = ["--bpffs", node.BpfFolder, "--admin-socket", Path.Combine(lab.Folder, "run", "agent.sock"), "--state-dir", Path.Combine(lab.Folder, "state")];

        try
        {
            // Places are named, labs are not among them.
            var kept = await node.RunAsync(culvert, ["detach", "--all", .. places]);
            Assert.True(kept.Succeeded, kept.Output + kept.Error);
            Assert.False(server.HasExited);
            Assert.True(Directory.Exists(lab.Folder));

            var removed = await node.RunAsync("sh", ["-c", "\"$@\"; echo ended with $?", "sh", culvert, "detach", "--all", .. places, "--lab-dir", root]);
            Assert.True(removed.Succeeded, removed.Output + removed.Error);
            Assert.Contains($"removed lab {lab.Id}", removed.Output, StringComparison.Ordinal);
            Assert.Contains("ended with 0", removed.Output, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles("/run/netns", $"cv-{lab.Id}-*"));
            Assert.False(Directory.Exists(root));
        }
        finally
        {
            await Lab.RemoveAllAsync(root);
        }
    }
}
