using System.Globalization;

namespace Culvert.Tests.Shared;

/// <summary>The line that tells, for a limit that was driven to its end, how far that went and what others saw of it. <c>make test-attacks</c> shows them.</summary>
internal static class ExhaustLine
{
    /// <summary>Writes the line and makes sure that nothing that others asked for has failed.</summary>
    /// <param name="what">What was exhausted.</param>
    /// <param name="howFar">By how much.</param>
    /// <param name="requests">What others asked for meanwhile.</param>
    /// <param name="failed">How many of those failed.</param>
    public static void Write(string what, string howFar, int requests, int failed)
    {
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"exhausted {what}: {howFar}; others: {requests:N0} requests, {failed} failed"));
        Assert.InRange(requests, 1, int.MaxValue);
        Assert.Equal(0, failed);
    }
}
