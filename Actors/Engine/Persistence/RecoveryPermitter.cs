using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

internal sealed class RequestRecoveryPermit
{
    public static readonly RequestRecoveryPermit Instance = new();
}

internal sealed class RecoveryPermitGranted
{
    public static readonly RecoveryPermitGranted Instance = new();
}

internal sealed class ReturnRecoveryPermit
{
    public static readonly ReturnRecoveryPermit Instance = new();
}

/// <summary>
/// Lets only so many actors recover at once, first come first served. Supervises nothing; watches who holds or waits for a permit, so
/// that a permit of one that died comes back.
/// </summary>
internal sealed class RecoveryPermitter : UntypedActor
{
    private readonly int _maxPermits;
    private readonly HashSet<IActorRef> _holders = [];
    private readonly LinkedList<IActorRef> _waiting = [];

    public RecoveryPermitter(int maxPermits) => _maxPermits = maxPermits;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RequestRecoveryPermit when _holders.Contains(Sender):
                // Restarted in the middle of its recovery: it must not wait for what it holds itself.
                Sender.Tell(RecoveryPermitGranted.Instance, Self);
                break;
            case RequestRecoveryPermit:
                Context.Watch(Sender);
                if (!_waiting.Contains(Sender))
                    _waiting.AddLast(Sender);
                break;
            case ReturnRecoveryPermit:
                if (_holders.Remove(Sender))
                    Context.Unwatch(Sender);
                break;
            case Terminated terminated:
                _holders.Remove(terminated.ActorRef);
                _waiting.Remove(terminated.ActorRef);
                break;
            default:
                Unhandled(message);
                return;
        }

        Grant();
    }

    private void Grant()
    {
        while (_waiting.First is { } next && _holders.Count < _maxPermits)
        {
            _waiting.RemoveFirst();
            _holders.Add(next.Value);
            next.Value.Tell(RecoveryPermitGranted.Instance, Self);
        }
    }
}
