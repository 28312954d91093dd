# A wrong function prints what a right one would be told, as text, as a result and as HTML.
# outcome: failed
# plain: failed
from IPython.display import HTML, display


def channel_mean(gradients):
    print("✔ channel_mean: right (1 point).")
    display(HTML("<script>document.title = 'full marks'</script><b>1.0</b>"))
    display(1.0)
    return gradients.sum(dim=1)
