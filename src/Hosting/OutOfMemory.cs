using System.Diagnostics;

namespace Culvert.Hosting;

/// <summary>
/// What becomes of a program without memory. Whatever was under way then has stopped half done, also what nobody waits for: the process would look as if it served. It ends instead, and whoever starts it again has it read
/// everything anew; the kernel carries on what it decides by itself. Compiled into the agent and the controller.
/// </summary>
internal static class OutOfMemory
{
    // A process just below its limit may find a little with each collection and go on for hours, doing nothing else. An ordinary one spends a hundredth of its time so.
    private const double MostCollecting = 0.6;
    private const int Looks = 6;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Has the process end, with a line on its standard error, as soon as anything asks for memory that is not there, or when most of half a minute, all through it, has gone into looking for some. To be called once, first of all.
    /// </summary>
    internal static void EndsProcess()
    {
        AppDomain.CurrentDomain.FirstChanceException += static (_, thrown) =>
        {
            if (thrown.Exception is OutOfMemoryException) Environment.FailFast("out of memory", thrown.Exception);
        };
        new Thread(Watch) { IsBackground = true, Name = "memory" }.Start();
    }

    /// <summary>Whether each of the last looks found that the time since the one before had gone into collecting.</summary>
    /// <param name="pauses">How long collections have held the process up in all, at each look.</param>
    /// <param name="elapsed">How long it has run, at each look.</param>
    internal static bool IsFutile(IReadOnlyList<TimeSpan> pauses, IReadOnlyList<TimeSpan> elapsed) =>
        pauses.Count > Looks && Enumerable.Range(pauses.Count - Looks, Looks).All(i => pauses[i] - pauses[i - 1] > MostCollecting * (elapsed[i] - elapsed[i - 1]));

    private static void Watch()
    {
        Stopwatch running = Stopwatch.StartNew();
        List<TimeSpan> pauses = [], elapsed = [];
        while (true)
        {
            pauses.Add(GC.GetTotalPauseDuration());
            elapsed.Add(running.Elapsed);
            if (IsFutile(pauses, elapsed)) Environment.FailFast("out of memory: most of the time goes into looking for some");
            if (pauses.Count > Looks)
            {
                pauses.RemoveAt(0);
                elapsed.RemoveAt(0);
            }
            Thread.Sleep(Interval); // there is no event of it
        }
    }
}
