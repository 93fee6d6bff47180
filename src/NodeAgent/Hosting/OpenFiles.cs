using System.Globalization;
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
        return limit >= DescriptorPlan.Fewest ? limit : throw new AgentStartException(
            "open files",
            string.Create(CultureInfo.InvariantCulture, $"this process may have {limit} descriptors, and the agent needs {DescriptorPlan.Fewest}"),
            $"raise the limit: `ulimit -n {DescriptorPlan.Recommended}`, LimitNOFILE= of a service, default-ulimit of the container runtime");
    }
}
