namespace Culvert.Hosting;

/// <summary>
/// What becomes of a program without memory. Whatever was under way then has stopped half done, also what nobody waits for: the process would look as if it served. It ends instead, and whoever starts it again has it read
/// everything anew; the kernel carries on what it decides by itself. Compiled into the agent and the controller.
/// </summary>
internal static class OutOfMemory
{
    /// <summary>Has the process end, with a line on its standard error, as soon as anything asks for memory that is not there. To be called once, first of all.</summary>
    internal static void EndsProcess() => AppDomain.CurrentDomain.FirstChanceException += static (_, thrown) =>
    {
        if (thrown.Exception is OutOfMemoryException) Environment.FailFast("out of memory", thrown.Exception);
    };
}
