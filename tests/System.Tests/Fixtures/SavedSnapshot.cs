using Culvert.Cli.Admin;
using Culvert.Core;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.SystemTests.Fixtures;

/// <summary>The snapshot that an agent would start with. It is saved after it is in force: an agent that is killed in between, or before it has heard of a change, begins with an older one.</summary>
internal static class SavedSnapshot
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    /// <summary>Where it is.</summary>
    public static string PathOf(MeshNode node) => Path.Combine(node.StateFolder, "snapshot.pb");

    /// <summary>Waits until what is in force at a node is as told, and saved.</summary>
    /// <param name="node">The node; its agent runs.</param>
    /// <param name="what">The condition in words, for the message.</param>
    /// <param name="condition">What has to hold of the resources in force.</param>
    /// <exception cref="TimeoutException">It does not come about.</exception>
    public static Task WaitAsync(MeshNode node, string what, Predicate<IReadOnlyCollection<Resource>> condition) => LabWait.UntilAsync(
        $"{node.Name} has in force and saved that {what}",
        async () =>
        {
            using var admin = new AdminClient(node.AdminSocket, LabWait.Patience);
            var inForce = (await admin.DumpSnapshotAsync(CancellationToken.None)).Resources;
            return condition(inForce) && inForce.SequenceEqual(Read(node));
        },
        Deadline,
        node.Agent);

    private static IReadOnlyCollection<Resource> Read(MeshNode node) =>
        File.Exists(PathOf(node)) ? SnapshotResponse.Parser.ParseFrom(ContentSeal.Open(File.ReadAllBytes(PathOf(node))).Span).Upserts : [];
}
