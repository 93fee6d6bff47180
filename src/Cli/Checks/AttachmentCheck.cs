using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;

namespace Culvert.Cli.Checks;

/// <summary>Programs of others on this machine's interfaces; they see packets before or after the agent's.</summary>
internal static class AttachmentCheck
{
    public static IReadOnlyList<Finding> Run()
    {
        using var netlink = RouteNetlink.Open();
        var attachments = new ForeignAttachments(netlink);
        string[] foreign = [.. netlink.GetLinks().SelectMany(link => NamesAt(attachments, link).Distinct().Select(name => $"{name} on {link.Name}"))];
        return foreign.Length == 0
            ? [Finding.Ok("tc-programs", "no program of others is attached to an interface")]
            : [Finding.Warning(
                "tc-programs",
                "programs of others are attached: " + string.Join(", ", foreign),
                "another mesh may redirect packets before Culvert sees them: enrol only pods it leaves alone; pods that Cilium connects are captured inside their network namespaces")];
    }

    private static string[] NamesAt(ForeignAttachments attachments, LinkInfo link)
    {
        try
        {
            return [.. attachments.NamesAt(link)];
        }
        catch (KernelException e) when (e.Errno == Errno.ENODEV)
        {
            return []; // it has gone meanwhile
        }
    }
}
