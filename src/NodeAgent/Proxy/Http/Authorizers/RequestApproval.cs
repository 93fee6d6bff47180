using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>What external authorizers say of one request: they are asked one after the other, and the first that does not allow it ends it. Belongs to its loop's thread.</summary>
internal sealed class RequestApproval : IRequestApproval
{
    private readonly RequestAuthorizers _authorizers;
    private readonly ProxyConnectionInfo _connection;
    private readonly IReadOnlyList<AuthorizerRule> _rules;
    private readonly Action<IRequestApproval> _done;
    private AuthorizerCall? _call;
    private int _asked;
    private bool _isLater; // whoever has begun it has gone on

    /// <summary>Makes one.</summary>
    /// <param name="authorizers">Sends questions.</param>
    /// <param name="connection">The connection that the request goes by.</param>
    /// <param name="rules">Policy about its requests.</param>
    /// <param name="asked">By which rules somebody is asked; none where only headers are taken away.</param>
    /// <param name="request">The request's head, as its server would get it.</param>
    /// <param name="done">Called at the end, unless that is when <see cref="Begin"/> returns.</param>
    internal RequestApproval(RequestAuthorizers authorizers, in ProxyConnectionInfo connection, RequestRules rules, IReadOnlyList<AuthorizerRule> asked, HeaderList request, Action<IRequestApproval> done)
    {
        (_authorizers, _connection, _rules, _done) = (authorizers, connection, asked, done);
        for (int i = 0; i < request.Count; i++)
        {
            if (!rules.IsAuthorizersHeader(request[i].Name)) Head.Add(request[i].Name, request[i].Value, request[i].NeverIndexed);
        }
    }

    /// <inheritdoc/>
    public long Connection => _connection.Id;

    /// <inheritdoc/>
    public HeaderList Head { get; } = new();

    /// <inheritdoc/>
    public bool IsDone { get; private set; }

    /// <inheritdoc/>
    public AuthorizerRefusal? Refusal { get; private set; }

    /// <summary>Begins to ask.</summary>
    internal void Begin()
    {
        AskNext();
        _isLater = true;
    }

    /// <inheritdoc/>
    public void GiveUp()
    {
        IsDone = true;
        _call?.GiveUp();
        _call = null;
    }

    private void AskNext()
    {
        while (Refusal is null && _asked < _rules.Count)
        {
            AuthorizerRule rule = _rules[_asked++];
            if (rule.Authorizer is not { } authorizer) Refuse(rule, $"there is no external authorizer {rule.Name}");
            else if (rule.IsItself) Refuse(rule, $"the request is for external authorizer {rule.Name} itself");
            else if (_authorizers.TryAsk(_connection, authorizer, Head, OnAnswered) is { } call)
            {
                _call = call;
                return;
            }
            else OnFailed(rule, "too many requests wait for an answer");
        }

        IsDone = true;
        if (_isLater) _done(this);
    }

    private void OnAnswered(AuthorizerAnswer answer)
    {
        _call = null;
        AuthorizerRule rule = _rules[_asked - 1];
        if (answer.Failure is { } failure)
        {
            OnFailed(rule, failure);
        }
        else if (answer.IsAllowed)
        {
            foreach (HeadEdit edit in answer.Edits) edit.ApplyTo(Head);
        }
        else
        {
            Refusal = new AuthorizerRefusal(rule, answer.Status, answer.Denied, Failure: null);
        }

        AskNext();
    }

    private void OnFailed(AuthorizerRule rule, string failure)
    {
        if (!rule.Authorizer!.AllowsOnFailure) Refuse(rule, $"external authorizer {rule.Name}: {failure}");
    }

    private void Refuse(AuthorizerRule rule, string reason) => Refusal = new AuthorizerRefusal(rule, 403, Answer: null, reason);
}
