"""What drawing needs: surfaces, light, canvases, lattices, movement, layout. Lowest room of the simulator."""
