using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>What an agent as a whole has to say.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(EventId = LogEventIds.ReconcileFailed, Level = LogLevel.Error, Message = "the datapath could not follow a change of links, it is tried again: {Reason}")]
    internal static partial void ReconcileFailed(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.Up, Level = LogLevel.Information, Message = "node {Node}: agent {Version} is up; admin socket {Socket}, metrics on {Metrics}")]
    internal static partial void Up(ILogger logger, string node, string version, string socket, string metrics);

    [LoggerMessage(EventId = LogEventIds.Stopping, Level = LogLevel.Information, Message = "stopping; proxied connections have {Seconds} s")]
    internal static partial void Stopping(ILogger logger, double seconds);

    [LoggerMessage(EventId = LogEventIds.Drained, Level = LogLevel.Information, Message = "the drain is over: {Reset} proxied connections were still open and are reset")]
    internal static partial void Drained(ILogger logger, long reset);

    [LoggerMessage(EventId = LogEventIds.NoUplink, Level = LogLevel.Warning, Message = "--uplink {Interface}: there is no such interface; what other nodes send arrives unmarked until it appears (`ip link` lists those there are)")]
    internal static partial void NoUplink(ILogger logger, string @interface);

    [LoggerMessage(EventId = LogEventIds.NormalPriority, Level = LogLevel.Information, Message = "the event loops run at the normal priority: --loop-nice {Nice} needs CAP_SYS_NICE")]
    internal static partial void NormalPriority(ILogger logger, int nice);

    [LoggerMessage(EventId = LogEventIds.FewDescriptors, Level = LogLevel.Warning, Message = "this process may have only {Limit} descriptors, which is room for {Workloads} proxied connections' sockets; what goes beyond is refused: raise the limit to {Recommended} or more (LimitNOFILE= of a service, default-ulimit of the container runtime)")]
    internal static partial void FewDescriptors(ILogger logger, long limit, int workloads, int recommended);

    [LoggerMessage(EventId = LogEventIds.AgentHangUp, Level = LogLevel.Information, Message = "SIGHUP changes nothing here: the controller tells what changes; options are read at the start")]
    internal static partial void HangUp(ILogger logger);

    [LoggerMessage(EventId = LogEventIds.FolderClosed, Level = LogLevel.Warning, Message = "{Folder} was open to other users; its mode is 0700 now")]
    internal static partial void FolderClosed(ILogger logger, string folder);

    [LoggerMessage(EventId = LogEventIds.ForeignLock, Level = LogLevel.Warning, Message = "{Path} is, or is held by, another user's, who got at it while the folder was open: it is made anew")]
    internal static partial void ForeignLock(ILogger logger, string path);

    [LoggerMessage(EventId = LogEventIds.WorkFailed, Level = LogLevel.Critical, Message = "{Work} has failed, which is an error of Culvert, please report it; the agent ends, to be started anew")]
    internal static partial void WorkFailed(ILogger logger, string work, Exception exception);

    [LoggerMessage(EventId = LogEventIds.RunFilesGone, Level = LogLevel.Critical, Message = "somebody has removed {Path}, by which the node finds the agent, which ends: when it is started anew it makes the file again")]
    internal static partial void RunFilesGone(ILogger logger, string path);

    [LoggerMessage(EventId = LogEventIds.LinksUnwatched, Level = LogLevel.Error, Message = "the kernel no longer tells of changes of links ({Reason}): they are looked at every {Seconds} s, so that pods that are made anew may stay uncaptured so long; restart the agent")]
    internal static partial void LinksUnwatched(ILogger logger, string reason, double seconds);

    [LoggerMessage(EventId = LogEventIds.MetricsTokensUnread, Level = LogLevel.Error, Message = "nobody is told metrics until the file of --metrics-token-file can be read: {Reason}")]
    internal static partial void MetricsTokensUnread(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.HandingOver, Level = LogLevel.Information, Message = "another agent is taking this node over; new connections are taken here until it is ready")]
    internal static partial void HandingOver(ILogger logger);

    [LoggerMessage(EventId = LogEventIds.HandedOver, Level = LogLevel.Information, Message = "new connections go to the agent that has taken over; this one carries those that it has until it is stopped")]
    internal static partial void HandedOver(ILogger logger);

    [LoggerMessage(EventId = LogEventIds.HandoverFailed, Level = LogLevel.Error, Message = "the node could not be handed over ({Reason}): this agent exits, and has to be started again")]
    internal static partial void HandoverFailed(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.HandoverUnheard, Level = LogLevel.Warning, Message = "who asks for a handover could not be heard: {Reason}")]
    internal static partial void HandoverUnheard(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.StoppedWhileHandingOver, Level = LogLevel.Information, Message = "told to stop while another agent takes the node over: this one stays until that has it, {Seconds} s at most")]
    internal static partial void StoppedWhileHandingOver(ILogger logger, double seconds);

    [LoggerMessage(EventId = LogEventIds.StartedFileNotMade, Level = LogLevel.Error, Message = "the file of --started-file could not be made: {Reason}")]
    internal static partial void StartedFileNotMade(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.TakingOver, Level = LogLevel.Information, Message = "taking the node over from the agent that runs")]
    internal static partial void TakingOver(ILogger logger);

    [LoggerMessage(EventId = LogEventIds.BeforeIsGone, Level = LogLevel.Warning, Message = "the agent before this one does not answer ({Reason}): datagrams of pods may be lost for a moment, and its connections if it has ended")]
    internal static partial void BeforeIsGone(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.BeforeHasEnded, Level = LogLevel.Information, Message = "the agent before this one has ended")]
    internal static partial void BeforeHasEnded(ILogger logger);
}
