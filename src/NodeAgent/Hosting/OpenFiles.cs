using Culvert.Hosting;
using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy.Limits;

namespace Culvert.NodeAgent.Hosting;

/// <summary>The descriptors that this process may have.</summary>
public static class OpenFiles
{
    /// <summary>Raises the limit as far as this process may, and fails when the agent cannot work with that.</summary>
    /// <returns>The limit.</returns>
    /// <exception cref="AgentStartException">There are too few.</exception>
    public static long Require()
    {
        long limit = OpenFileLimit.Raise();
        return DescriptorLimit.Shortage(limit, DescriptorPlan.Fewest, "agent") is { } shortage ? throw new AgentStartException("open files", shortage, DescriptorLimit.Remedy) : limit;
    }
}
