using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Has one request wait for its time, where a RateLimit delays it, and for what external authorizers and then rate limit services say of it: they are asked one after the other, and the first that does not allow it ends it. Belongs to its loop's thread.</summary>
internal sealed class RequestApproval : IRequestApproval
{
    private readonly RequestAuthorizers _authorizers;
    private readonly ProxyConnectionInfo _connection;
    private readonly IReadOnlyList<AuthorizerRule> _rules;
    private readonly Action<IRequestApproval> _done;
    private LoopTimer? _timer; // while it waits for its time, and has a place
    private readonly IReadOnlyList<GlobalLimitRule> _limits;
    private AskingCall? _call;
    private int _asked;
    private int _askedLimits;
    private int _tries;
    private long _askedAt; // when the question was first asked that is on its way
    private bool _isLater; // whoever has begun it has gone on

    /// <summary>Makes one.</summary>
    /// <param name="authorizers">Sends questions.</param>
    /// <param name="connection">The connection that the request goes by.</param>
    /// <param name="asked">By which rules somebody is asked.</param>
    /// <param name="limits">By which rules rate limit services are, when these have allowed it.</param>
    /// <param name="request">The request's head, as its server would get it.</param>
    /// <param name="done">Called at the end, unless that is when <see cref="Begin"/> returns.</param>
    internal RequestApproval(RequestAuthorizers authorizers, in ProxyConnectionInfo connection, IReadOnlyList<AuthorizerRule> asked, IReadOnlyList<GlobalLimitRule> limits, HeaderList request, Action<IRequestApproval> done)
    {
        (_authorizers, _connection, _rules, _limits, _done) = (authorizers, connection, asked, limits, done);
        Connection = connection.Id;
        Head.AddRange(request);
    }

    /// <inheritdoc/>
    public long Connection { get; set; }

    /// <inheritdoc/>
    public HeaderList Head { get; } = new();

    /// <inheritdoc/>
    public bool IsDone { get; private set; }

    /// <inheritdoc/>
    public AuthorizerRefusal? Refusal { get; private set; }

    /// <inheritdoc/>
    public LimitRefusal? LimitRefusal { get; private set; }

    /// <summary>Begins to ask.</summary>
    /// <param name="delay">When; zero or less: at once.</param>
    internal void Begin(TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero) AskNext();
        else Delay(delay);
        _isLater = true;
    }

    /// <inheritdoc/>
    public void GiveUp()
    {
        IsDone = true;
        EndDelay();
        _call?.GiveUp();
        _call = null;
    }

    private void Delay(TimeSpan delay)
    {
        _authorizers.Delayed.Take(RequestAuthorizers.NamespaceOf(_connection));
        _timer = new LoopTimer(static state => ((RequestApproval)state!).OnTime(), this);
        _authorizers.Loop.Schedule(_timer, delay);
    }

    private void OnTime()
    {
        EndDelay();
        AskNext();
    }

    private void EndDelay()
    {
        if (_timer is not { } timer) return;
        _timer = null;
        _authorizers.Loop.Timers.Cancel(timer);
        _authorizers.Delayed.GiveBack(RequestAuthorizers.NamespaceOf(_connection));
    }

    private void AskNext()
    {
        while (Refusal is null && _asked < _rules.Count)
        {
            AuthorizerRule rule = _rules[_asked++];
            BeginQuestion();
            if (rule.Authorizer is not { } authorizer) Refuse(rule, $"there is no external authorizer {rule.Name}");
            else if (rule.IsItself) Refuse(rule, "an external authorizer is not asked about requests to one");
            else if (TryAsk(rule, authorizer)) return;
        }

        while (Refusal is null && LimitRefusal is null && _askedLimits < _limits.Count)
        {
            BeginQuestion();
            if (TryAskLimit(_limits[_askedLimits++])) return;
        }

        IsDone = true;
        if (_isLater) _done(this);
    }

    private void BeginQuestion() => (_tries, _askedAt) = (0, _authorizers.Loop.NowMilliseconds);

    // The time that an answer may take is for all tries together.
    private TimeSpan LeftOf(TimeSpan timeout) => timeout - TimeSpan.FromMilliseconds(_authorizers.Loop.NowMilliseconds - _askedAt);

    private bool MayAskAgain(TimeSpan timeout) => _tries < _authorizers.Options.Authorizers.MostTries && LeftOf(timeout) > TimeSpan.Zero;

    // False when nobody was asked. Were one let through for which there is no room, whoever asks much would have no limit.
    private bool TryAskLimit(GlobalLimitRule rule)
    {
        _tries++;
        LimitQuestion question = _authorizers.Ask(_connection, rule.Limit, LeftOf(rule.Limit.Timeout), Head, OnLimitAnswered);
        _call = question.Call;
        if (question.IsCrowded) LimitRefusal = new LimitRefusal(rule, Answer: null, $"rate limit service {rule.Limit.Service}: too many requests of the namespace wait for an answer", IsCrowded: true);
        else if (question.Known is { } known) Take(rule, known);
        return _call is not null;
    }

    private void OnLimitAnswered(LimitAnswer answer)
    {
        _call = null;
        GlobalLimitRule rule = _limits[_askedLimits - 1];
        if (!answer.MayAskAgain || !MayAskAgain(rule.Limit.Timeout)) Take(rule, answer);
        else if (TryAskLimit(rule)) return;
        AskNext();
    }

    private void Take(GlobalLimitRule rule, LimitAnswer answer)
    {
        if (answer.Failure is { } failure)
        {
            if (LimitRefusal is null && (rule.Limit.RefusesOnFailure || answer.IsOfRequest))
                LimitRefusal = new LimitRefusal(rule, Answer: null, $"rate limit service {rule.Limit.Service}: {failure}", IsCrowded: answer.IsOfRequest);
        }
        else if (answer.Denied is { } denied)
        {
            LimitRefusal = new LimitRefusal(rule, denied, Failure: null);
        }
        else
        {
            Apply(answer.Edits);
        }
    }

    private void Apply(IReadOnlyList<HeadEdit> edits)
    {
        foreach (HeadEdit edit in edits)
        {
            if (!MeshHeaders.IsClientCert(edit.Name)) edit.ApplyTo(Head); // who the client is, is not for others to say
        }
    }

    // False when it is refused: were it let through, whoever asks much would not be asked about.
    private bool TryAsk(AuthorizerRule rule, ExternalAuthorizer authorizer)
    {
        _tries++;
        _call = _authorizers.TryAsk(_connection, authorizer, LeftOf(authorizer.Timeout), Head, OnAnswered);
        if (_call is null) Refuse(rule, $"external authorizer {rule.Name}: too many requests of the namespace wait for an answer");
        return _call is not null;
    }

    private void OnAnswered(AuthorizerAnswer answer)
    {
        _call = null;
        AuthorizerRule rule = _rules[_asked - 1];
        if (answer.MayAskAgain && MayAskAgain(rule.Authorizer!.Timeout) && TryAsk(rule, rule.Authorizer)) return;
        if (answer.Failure is { } failure)
        {
            if (Refusal is null && (answer.IsOfRequest || !rule.Authorizer!.AllowsOnFailure)) Refuse(rule, $"external authorizer {rule.Name}: {failure}");
        }
        else if (answer.IsAllowed)
        {
            Apply(answer.Edits);
        }
        else
        {
            Refusal = new AuthorizerRefusal(rule, answer.Status, answer.Denied, Failure: null);
        }

        AskNext();
    }

    private void Refuse(AuthorizerRule rule, string reason) => Refusal = new AuthorizerRefusal(rule, 403, Answer: null, reason);
}
