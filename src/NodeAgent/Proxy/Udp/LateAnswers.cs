using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Remembers for a while the sessions that policy has ended, so that answers still under way are dropped. Otherwise such an answer would begin a session of the application's own, which policy
/// may allow, and what the client sends, which policy forbids, would be let in as the answers of that. Each one keeps its place in the budget, so that no more are remembered than there
/// may be sessions, until its time is over or a session that policy allows has the same addresses. Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="time">How long they are remembered.</param>
/// <param name="registry">Where answers find them.</param>
/// <param name="replies">Where the answers are announced to the kernel; that stays so.</param>
internal sealed class LateAnswers(EventLoop loop, TimeSpan time, UdpReplyRegistry registry, IReplyTable replies)
{
    // Oldest first, also those that have been replaced.
    private readonly Queue<EndedUdpSession> _sessions = [];
    private LoopTimer? _timer;

    /// <summary>Policy has ended the session of a socket, which is about to be closed.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="place">The session's place.</param>
    internal void Expect(UdpSocketPeer socket, BudgetLease place)
    {
        EndedUdpSession session = new(socket.Remote, socket.Local, socket.Space, place, loop.NowMilliseconds + (long)time.TotalMilliseconds);
        registry.Replace(socket, session);
        _sessions.Enqueue(session);
        if (_sessions.Count == 1) loop.Schedule(_timer ??= new LoopTimer(static state => ((LateAnswers)state!).Forget(), this), time);
    }

    /// <summary>Gives back what a session held that is not in the registry any more. It may be another loop's.</summary>
    internal void Release(EndedUdpSession session)
    {
        replies.Remove(session.Remote, session.Local, PodSpace.NumberOf(session.Space));
        session.Place.Dispose();
    }

    /// <summary>Forgets those of a space, which has been given up; they stay in the queue until it is their turn.</summary>
    internal void CloseOf(PodSpace space)
    {
        foreach (EndedUdpSession session in _sessions)
        {
            if (session.Space == space) Forget(session);
        }
    }

    /// <summary>Forgets all.</summary>
    internal void Close()
    {
        if (_timer is not null) loop.Timers.Cancel(_timer);
        while (_sessions.TryDequeue(out EndedUdpSession? session)) Forget(session);
    }

    private void Forget()
    {
        while (_sessions.TryPeek(out EndedUdpSession? oldest))
        {
            if (oldest.Until > loop.NowMilliseconds)
            {
                loop.Schedule(_timer!, TimeSpan.FromMilliseconds(oldest.Until - loop.NowMilliseconds));
                return;
            }

            Forget(_sessions.Dequeue());
        }
    }

    private void Forget(EndedUdpSession session)
    {
        if (registry.Remove(session)) Release(session);
    }
}
