using Culvert.Cli.Admin;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Tests;

/// <summary>What <c>culvert status</c> calls a workload, also by what an agent of a version before tells of it.</summary>
public sealed class WorkloadStateTests
{
    [Theory]
    [InlineData(CaptureState.Captured, "", "captured")]
    [InlineData(CaptureState.Undelivered, "lost", "undelivered")]
    [InlineData(CaptureState.NotCaptured, "no link", "not-captured")]
    [InlineData(CaptureState.Blocked, "no link", "blocked")]
    [InlineData(CaptureState.Unspecified, "", "captured")]
    [InlineData(CaptureState.Unspecified, "no link", "not-captured")]
    [InlineData((CaptureState)99, "of a later version", "not-captured")]
    public void Each_state_has_its_name(CaptureState state, string error, string name)
    {
        var status = new StatusResponse();
        status.Workloads.Add(new EnrolledWorkload { State = state, Error = error });
        Assert.Equal(name, Assert.Single(AdminMapping.ToReport(status).Workloads).State);
    }
}
