using System.Diagnostics.CodeAnalysis;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Dispatch;

/// <summary>
/// Runs the continuations of an actor's asynchronous handler on the actor's turns. User messages wait until the handler's task ends;
/// system messages do not.
/// </summary>
sealed class ActorTaskScheduler(ActorCell cell) : TaskScheduler
{
    public override int MaximumConcurrencyLevel => 1;

    public static void RunTask(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        RunTask(
            static body =>
            {
                body();
                return Task.CompletedTask;
            },
            action);
    }

    public static void RunTask(Func<Task> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        RunTask(static body => body(), action);
    }

    /// <summary>Runs a handler as part of the message in hand.</summary>
    /// <exception cref="InvalidOperationException">No actor is running on this thread.</exception>
    public static void RunTask<T>(Func<T, Task> action, T argument)
    {
        var cell = ActorCell.Current ?? throw new InvalidOperationException("RunTask must be called on an actor's turn.");
        cell.RunAsync(action, argument);
    }

    public void Run(Task task) => TryExecuteTask(task);

    protected override void QueueTask(Task task)
    {
        if (ReferenceEquals(ActorCell.Current, cell) && (task.CreationOptions & TaskCreationOptions.LongRunning) == 0)
            TryExecuteTask(task);
        else
            cell.SendSystemMessage(new RunScheduledTask(this, task));
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    [ExcludeFromCodeCoverage(Justification = "For debuggers.")]
    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
