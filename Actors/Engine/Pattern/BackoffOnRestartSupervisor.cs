using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Pattern;

/// <summary>Supervises one child and replaces it, after a delay that grows, whenever it fails; ends when the child stops by itself.</summary>
sealed class BackoffOnRestartSupervisor(BackoffSettings settings) : BackoffSupervisorBase(settings)
{
    bool _childFailed;

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(-1, -1, cause =>
    {
        var directive = Settings.Strategy.Decider.Decide(cause);
        if (directive != Directive.Restart)
            return directive;
        // In place of a restart the child is stopped, and started anew once the delay is over.
        _childFailed = true;
        return Directive.Stop;
    });

    protected override bool Receive(object message)
    {
        if (message is Terminated terminated && IsChild(terminated.ActorRef))
        {
            ForgetChild();
            if (_childFailed && !FinalStopMessageReceived)
                BackOff();
            else
                Context.Stop(Self);
            _childFailed = false;
            return true;
        }
        return HandleBackoff(message);
    }
}
